"""Read connectors into DuckDB caches with PyAirbyte, each twice; print how many records came.

Takes a list of {"name", "executable", "config", "cache"} as JSON from stdin.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout

import airbyte
from airbyte.caches import DuckDBCache


def read(connector: dict) -> int:
    """Read every stream, as a run of its own would."""
    source = airbyte.get_source(
        connector["name"],
        config=connector["config"],
        local_executable=connector["executable"],
        install_if_missing=False,
    )
    source.check()
    source.select_all_streams()
    cache = DuckDBCache(db_path=connector["cache"], schema_name="read")
    return source.read(cache=cache).processed_records


def main() -> None:
    connectors = json.load(sys.stdin)
    # Its progress is no part of the answer.
    with redirect_stdout(sys.stderr):
        counts = {each["name"]: [read(each), read(each)] for each in connectors}
    sys.stdout.write(json.dumps(counts))


main()
