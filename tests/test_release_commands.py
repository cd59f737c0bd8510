"""What is released is looked at, checked and taken back by whole commands, after one finished run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import orjson
import psycopg
import pytest

from oso_processors.stores.local_postgres import serving
from oso_processors.stores.postgres import PostgresStore

Oso = Callable[..., subprocess.CompletedProcess[str]]
OSO = Path(sys.executable).parent / "oso"


@pytest.fixture(scope="module")
def folder(copy_finished: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_finished(tmp_path_factory.mktemp("released") / "project")


@pytest.fixture(scope="module")
def dsn(folder: Path) -> Iterator[str]:
    """The embedded server, which stays up so that no command has to start it."""
    with serving(folder / ".oso" / "postgres") as address:
        yield address


@pytest.fixture(scope="module")
def oso(folder: Path, dsn: str) -> Oso:
    """Runs a command where a run released r1, and where r2 came of another owner of one table."""
    environment = {**os.environ, "OSO_HOME": ".oso", "COLUMNS": "160"}
    environment.pop("OSO_POSTGRES_DSN", None)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(OSO), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    processor = folder / "processors" / "artifacts_v1.yaml"
    processor.write_text(processor.read_text().replace("owner: directory", "owner: somebody"))
    second = run("release", "--reason", "another owner")
    assert second.returncode == 0, second.stderr
    return run


def rows(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute(query)
        return found.fetchall() if found.description else []


def test_releases_are_listed_with_where_they_are(oso):
    told = oso("releases")
    found = orjson.loads(oso("releases", "--json").stdout)

    assert [each.pop("released_at")[:2] for each in found] == ["20", "20"]
    both = ["files", "postgres"]
    count = found[0]["table_count"]
    assert found == [
        {"release": "r2", "table_count": count, "served_in": both, "kept_in": both}
        | {"reason": "another owner"},
        {"release": "r1", "table_count": count, "served_in": [], "kept_in": both, "reason": ""},
    ]
    assert "another owner" in told.stdout


def test_what_is_served_is_as_it_was_published_until_a_cell_is_changed(oso, dsn):
    before = oso("verify")
    [(table,)] = rows(
        dsn, "SELECT tables -> 'artifacts_v1' -> 0 ->> 'table' FROM store._releases WHERE is_served"
    )
    column = "artifact_name"
    rows(dsn, f"UPDATE store.\"{table}\" SET {column} = {column} || '!'")
    try:
        after, as_json = oso("verify"), oso("verify", "--json")
    finally:
        rows(dsn, f'UPDATE store."{table}" SET {column} = left({column}, -1)')
    mended = oso("verify", "--json")

    assert (before.returncode, before.stdout) == (
        0,
        "Every store serves r2 as it was published.\n",
    )
    assert (after.returncode, as_json.returncode) == (1, 1)
    first, verdict = after.stdout.splitlines()
    assert first.startswith("postgres: artifacts_v1: its rows changed: their checksum is ")
    assert verdict == "1 thing is not as in r2."
    what = first.removeprefix("postgres: artifacts_v1: ")
    assert orjson.loads(as_json.stdout) == {
        "release": "r2",
        "drift": [{"store": "postgres", "table": "artifacts_v1", "what": what}],
    }
    assert orjson.loads(mended.stdout) == {"release": "r2", "drift": []}


def test_the_state_of_everything_is_told(oso):
    told = oso("status")
    found = orjson.loads(oso("status", "--json").stdout)

    assert "Sources" in told.stdout
    assert "Last build" in told.stdout
    assert {each["source"] for each in found["warehouse"]["sources"]} >= {
        "gharchive",
        "oss_directory",
    }
    assert found["warehouse"]["last_build"]["failures"] == []
    assert [(each["store"], each["release"], each["state"]) for each in found["stores"]] == [
        ("files", "r2", "fresh"),
        ("postgres", "r2", "fresh"),
    ]
    assert (found["released_by"], found["left_over"]) == (None, {})


def test_a_release_at_work_is_named_and_not_in_the_way_of_those_who_look(oso, dsn, folder):
    warehouse = str(folder / ".oso" / "warehouse.duckdb")
    with closing(PostgresStore(dsn)), duckdb.connect(warehouse):
        told, found = oso("status"), oso("status", "--json")
        others = [oso(command).returncode for command in ("verify", "releases")]
        refused = oso("rollback")

    assert (told.returncode, found.returncode, others) == (0, 0, [0, 0])
    holder = f"oso, process {os.getpid()} on "
    assert f"A release is being made by {holder}" in told.stdout
    assert "warehouse.duckdb: cannot be opened" in told.stdout
    assert orjson.loads(found.stdout)["released_by"].startswith(holder)
    assert refused.returncode == 5
    assert "another release is being made; wait for it to end" in refused.stderr


def test_a_release_is_taken_back_held_and_let_out_again(oso, dsn):
    owner = "SELECT release_id, owner FROM _tables WHERE table_name = 'artifacts_v1'"

    back = oso("rollback", "--reason", "not theirs")
    second = oso("rollback")
    taken = rows(dsn, owner)
    verified = oso("verify")
    held = oso("release")
    again = oso("release", "--again")

    why = "rollback from r2 to r1: not theirs"
    assert (back.returncode, back.stdout) == (0, f"Released r3 ({why}).\n")
    assert second.stdout == f"Nothing to do: r3 ({why}) is served.\n"
    assert taken == [("r3", "directory")]
    assert verified.stdout == "Every store serves r3 as it was published.\n"
    said = f"artifacts_v1: it is as in r2, and r3 is a {why}; mend it, or add --again"
    assert held.returncode == 5
    assert said in held.stderr
    assert "Released r4." in again.stdout
    assert rows(dsn, owner) == [("r4", "somebody")]


@pytest.mark.parametrize("asked", ["r99", "99"])
def test_a_release_that_is_not_kept_is_one_clear_line(oso, asked):
    done = oso("rollback", asked)

    assert done.returncode == 2
    assert done.stderr.startswith("Error: r99: is no release that is kept; kept are r")
    assert len(done.stderr.splitlines()) == 1


def test_what_is_no_release_is_one_clear_line(oso):
    done = oso("diff", "r1", "yesterday")

    assert done.returncode == 2
    said = "'yesterday' is no release such as r7; `oso releases` lists them"
    assert said in done.stderr.splitlines()[-1]


def test_where_nothing_is_released_yet_nothing_fails(oso, tmp_path, monkeypatch):
    monkeypatch.setenv("OSO_HOME", str(tmp_path))

    told = [
        subprocess.run([str(OSO), command], capture_output=True, text=True, check=True).stdout
        for command in ("releases", "verify")
    ]

    assert told == ["Nothing is released yet.\n"] * 2
