"""What it costs to land hours of GH Archive, side by side with others, in one run. See README.md.

CPU seconds are those of a process and of all that it started, as the operating system counts them.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import duckdb
from hours import make_hours

CONNECTOR = str(Path(sys.executable).parent / "source-gharchive")
SETTINGS = "SET memory_limit = '1GB'; SET TimeZone = 'UTC'"
STATEMENT = f"""
import duckdb, sys
from pathlib import Path
from oso_processors.collectors.gharchive import EVENTS
from oso_processors.collectors.schema import columns, reading
structure, places = reading(EVENTS, as_it_lies=True)
places |= {{"hour": "strptime(parse_filename(filename, true), '%Y-%m-%d-%-H.json')"}}
listed = ", ".join(f'CAST({{places[name]}} AS {{kind}}) AS "{{name}}"' for name, kind in columns(EVENTS).items())
with duckdb.connect(sys.argv[1]) as connection:
    connection.execute("{SETTINGS}")
    files = sorted(str(path) for path in Path(sys.argv[2]).iterdir())
    connection.execute(
        f"CREATE TABLE events AS SELECT {{listed}}, 1 AS _load_id, now() AS _extracted_at FROM"
        f" read_json({{files}}, format = 'newline_delimited', columns = {{structure}}, filename = true)"
    )
    print(connection.execute("SELECT count(*) FROM events").fetchone()[0])
"""
LANDER = f"""
import duckdb, sys
from oso_processors.collectors.connector import Connector
from oso_processors.collectors.lander import collect
from oso_processors.progress import Progress
with duckdb.connect(sys.argv[1]) as connection:
    connection.execute("{SETTINGS}")
    connector = Connector("gharchive", ["{CONNECTOR}"], {{"folder": sys.argv[2], "mode": sys.argv[3]}})
    print(collect(connection, connector, Progress(quiet=True)).rows["events"])
"""
PYAIRBYTE = f"""
import sys
import airbyte
config = {{"folder": sys.argv[2], "mode": "records"}}
source = airbyte.get_source("source-gharchive", config=config, local_executable="{CONNECTOR}")
source.select_streams(["events"])
cache = airbyte.DuckDBCache(db_path=sys.argv[1])
source.read(cache=cache)
print(len(cache["events"]))
"""


@dataclass(frozen=True)
class Figures:
    """What one run of a side took."""

    rows: int
    cpu_seconds: float
    wall_seconds: float
    peak_mb: int


def main() -> None:
    """Make the hours, run the sides in turn, and print the table of their medians."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="oso-benchmark-") as scratch:
        place = Path(scratch)
        many = make_hours(place / "hours", options.hours, options.events)
        make_hours(place / "hour", 1, options.events)
        print(_machine(many))
        ours = [sys.executable, "-c"]
        print("\n## The file path\n")
        _compare(
            place,
            options.rounds,
            {
                "one DuckDB statement": [*ours, STATEMENT, "{db}", str(place / "hours")],
                "our file path": [*ours, LANDER, "{db}", str(place / "hours"), "files"],
            },
        )
        if options.pyairbyte:
            theirs = [options.pyairbyte, "-c"]
            print("\n## The record path, one hour\n")
            _compare(
                place,
                options.rounds,
                {
                    "PyAirbyte": [*theirs, PYAIRBYTE, "{db}", str(place / "hour")],
                    "our record path": [*ours, LANDER, "{db}", str(place / "hour"), "records"],
                },
            )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=8)
    parser.add_argument("--events", type=int, default=200_000, help="in each hour")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pyairbyte", help="a Python of an environment with airbyte in it")
    return parser.parse_args()


def _compare(place: Path, rounds: int, sides: Mapping[str, list[str]]) -> None:
    found: dict[str, list[Figures]] = defaultdict(list)
    for _ in range(rounds):
        for name, command in sides.items():
            with tempfile.TemporaryDirectory(dir=place) as folder:
                database = str(Path(folder) / "benchmark.duckdb")
                found[name].append(_measured([database if p == "{db}" else p for p in command]))
    (base, *_) = sides
    print(
        "| side | rows | CPU s (median of all) | ratio | wall s | peak MB |\n|---|---|---|---|---|---|"
    )
    for name, figures in found.items():
        cpu = [each.cpu_seconds for each in figures]
        ratio = median(cpu) / median(each.cpu_seconds for each in found[base])
        listed = ", ".join(f"{each:.1f}" for each in sorted(cpu))
        wall, peak = median(f.wall_seconds for f in figures), max(f.peak_mb for f in figures)
        print(
            f"| {name} | {figures[0].rows:,} | {median(cpu):.1f} ({listed}) | {ratio:.2f} |"
            f" {wall:.1f} | {peak:,} |",
            flush=True,
        )


def _measured(command: list[str]) -> Figures:
    environment = {**os.environ, "DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1"}
    started = os.times().elapsed
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout is not None
    said = process.stdout.read().strip().splitlines()
    # Counts the process and those of its children that it has waited for.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with exit code {process.returncode}")
    seconds = os.times().elapsed - started
    return Figures(int(said[-1]), usage.ru_utime + usage.ru_stime, seconds, usage.ru_maxrss // 1024)


def _machine(files: list[Path]) -> str:
    raw = sum(int.from_bytes(path.read_bytes()[-4:], "little") for path in files)
    packed = sum(path.stat().st_size for path in files)
    return (
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, {os.cpu_count()} cores;"
        f" {len(files)} hours, {raw / 1e6:,.0f} MB, as gzip {packed / 1e6:,.0f} MB"
    )


if __name__ == "__main__":
    main()
