"""Our connectors read by PyAirbyte, a platform that knows nothing of us and takes no files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import duckdb
import orjson
import pytest

from oso_processors.collectors.lander import collect
from oso_processors.collectors.raw_tables import own_sources, table_name
from oso_processors.progress import Progress

pytestmark = pytest.mark.conformance

PROGRAM = Path(__file__).parent / "programs" / "read_with_pyairbyte.py"
# What our own lander adds to a row.
OWN = ("source", "_load_id", "_extracted_at")
STREAMS = [(source.name, stream.name) for source in own_sources() for stream in source.streams({})]


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    """The folder of PyAirbyte's caches."""
    return tmp_path_factory.mktemp("caches")


@pytest.fixture(scope="module")
def counts(pyairbyte, ours, caches):
    """How many records PyAirbyte found in each connector, in a first and in a second read."""
    asked = [
        {
            "name": f"source-{name.replace('_', '-')}",
            "executable": connector.command[0],
            "config": connector.config,
            "cache": str(caches / f"{name}.duckdb"),
        }
        for name, connector in ours.items()
    ]
    # It is not to report who uses it, nor to write outside of the test.
    environment = {"DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1",
                   "AIRBYTE_LOGGING_ROOT": str(caches / "logs")}  # fmt: skip
    done = subprocess.run(
        [str(pyairbyte / "bin" / "python"), str(PROGRAM)],
        input=orjson.dumps(asked),
        capture_output=True,
        cwd=caches,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-5000:]
    return orjson.loads(done.stdout)


@pytest.fixture(scope="module")
def landed(ours, caches, counts):
    """What our own lander made of the same connectors, with PyAirbyte's caches attached."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, connector in ours.items():
            collect(connection, connector, Progress(quiet=True))
            connection.execute(f"ATTACH '{caches / name}.duckdb' AS {name} (READ_ONLY)")
        yield connection


def test_a_second_read_finds_nothing_new(counts):
    assert {name: second for name, (_, second) in counts.items()} == {
        "source-gharchive": 0,
        "source-oss-directory": 0,
        "source-git-history": 0,
    }
    assert all(first > 100 for first, _ in counts.values())


@pytest.mark.parametrize(("source", "stream"), STREAMS)
def test_its_tables_hold_the_rows_that_ours_hold(landed, source, stream):
    table = table_name(source, stream)
    only = f" WHERE source = '{source}'" if table == stream else ""
    described = landed.execute(f'DESCRIBE raw."{table}"').fetchall()
    types = {name: kind for name, kind, *_ in described if name not in OWN}
    # It lands times without a zone, and lists as JSON.
    casts = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in types.items())

    theirs = landed.execute(f"SELECT {casts} FROM {source}.read.{stream} ORDER BY ALL").fetchall()

    names = ", ".join(f'"{name}"' for name in types)
    wanted = landed.execute(f'SELECT {names} FROM raw."{table}"{only} ORDER BY ALL').fetchall()
    assert theirs == wanted


def test_commits_of_a_push_are_among_them(landed):
    (commits,) = landed.execute(
        "SELECT commits FROM gharchive.read.events WHERE id = '7'"
    ).fetchone()

    assert [each["author_name"] for each in orjson.loads(commits)] == ["Ana", 'B "o"']
