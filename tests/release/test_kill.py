"""A release that is killed between any two of its steps: readers find one whole release."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import orjson
import psycopg
import pytest

from oso_processors import checksum

RUN = """
import sys
import duckdb
from pathlib import Path
from oso_processors.progress import Progress
from oso_processors.release import Wish, release
from oso_processors.stores.files import FilesStore
from oso_processors.stores.postgres import PostgresStore
from oso_processors.tables import Column, Table

folder, dsn, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

class Announced:
    '''A store that says what it is about to do, and waits to be let.'''
    def __init__(self, store):
        self.store, self.name = store, store.name
    def __getattr__(self, verb):
        found = getattr(self.store, verb)
        if verb in ("served", "kept", "measure", "source"):
            return found  # they only read
        def step(*arguments):
            print(self.name, verb, flush=True)
            sys.stdin.readline()
            return found(*arguments)
        return step

columns = (Column("repo", "VARCHAR", "It."), Column("run", "BIGINT", "Which run wrote it."))
query = f"SELECT 'r' || i AS repo, {number}::BIGINT AS run FROM range({100 + number}) t(i)"
table = Table("runs", "marts.runs", query, columns, ("repo",), "A row.", "1")
wish = Wish(table, {"files": {}, "postgres": {}}, {"owner": "me"})
with duckdb.connect() as connection:
    stores = [Announced(FilesStore(folder)), Announced(PostgresStore(dsn))]
    release(connection, [wish], stores, {}, Progress(quiet=True))
print("done", flush=True)
"""


def run(folder: Path, dsn: str, number: int, steps: int | None) -> list[str]:
    """Release as run ``number`` and kill it before the step after ``steps``; return what it said."""
    said: list[str] = []
    command = [sys.executable, "-c", RUN, str(folder), dsn, str(number)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.strip())
            if line == "done\n":
                break
            if steps is not None and len(said) > steps:
                process.kill()
                break
            process.stdin.write("\n")
            process.stdin.flush()
    return said


def in_postgres(dsn: str) -> int:
    """Return which run a reader sees, all of whose tables must agree."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT repo, run FROM runs").fetchall()
        told = connection.execute(
            "SELECT row_count, checksum, release_id FROM _tables JOIN _releases USING (release_id)"
            " WHERE release_number = (SELECT max(release_number) FROM _releases)"
        ).fetchall()
    assert [row[:2] for row in told] == [(len(rows), checksum.of_rows(rows))]
    (number,) = {run for _, run in rows}
    assert len(rows) == 100 + number
    return number


def in_files(folder: Path) -> int:
    """Return which run a reader of the files sees, whose manifest must agree."""
    place = folder / orjson.loads((folder / "latest.json").read_bytes())["release"]
    manifest = orjson.loads((place / "manifest.json").read_bytes())
    rows = duckdb.sql(f"FROM '{place}/runs.parquet'").fetchall()
    assert manifest["tables"][0]["checksum"] == checksum.of_rows(rows)
    assert {path.stem for path in place.glob("*.parquet")} == {
        t["name"] for t in manifest["tables"]
    }
    (number,) = {run for _, run in rows}
    return number


def test_a_kill_between_any_two_steps_leaves_readers_one_whole_release(postgres, tmp_path):
    folder = tmp_path / "releases"
    steps = run(folder, postgres, 0, None)
    before = (0, 0)

    # `steps` ends with "done"; the run after the last kill goes through.
    for killed_at in range(len(steps) - 1):
        said = run(folder, postgres, killed_at + 1, killed_at)
        assert said[-1] == steps[killed_at]
        now = (in_files(folder), in_postgres(postgres))
        new = killed_at + 1
        assert now in {before, (new, before[1]), (new, new)}
        before = now
    run(folder, postgres, len(steps), None)

    assert (in_files(folder), in_postgres(postgres)) == (len(steps), len(steps))
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 2
    with psycopg.connect(postgres) as connection:
        held = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'store' AND tablename LIKE 'runs%'"
        ).fetchone()
    assert held == (2,)


@pytest.mark.parametrize("killed_before", ["postgres publish", "files sweep"])
def test_the_run_after_a_kill_finishes_what_it_left(postgres, tmp_path, killed_before):
    folder = tmp_path / "releases"
    steps = run(folder, postgres, 1, None)
    run(folder, postgres, 2, steps.index(killed_before))

    run(folder, postgres, 2, None)

    assert (in_files(folder), in_postgres(postgres)) == (2, 2)
    assert sorted(path.name for path in folder.glob("r*")) == ["r1", "r2"]
