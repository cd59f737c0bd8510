"""`oso forget`, on whole runs: nothing shows the person any more, and every count is what it was."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import orjson
import psycopg
import pytest

from oso_processors.collectors.schema import sha256
from oso_processors.ids import entity_id
from oso_processors.stores.local_postgres import serving

# An account of the sample: its commits show two addresses, which a .mailmap joins.
ID, LOGIN = "5000000", "ana0"
MAILS = [
    sha256(each) for each in (f"{ID}+{LOGIN}@users.noreply.github.com", f"{LOGIN}@laptop.example")
]
SHOWN = [
    LOGIN,
    ID,
    "ana 0",
    *MAILS,
    *(entity_id("GITHUB_ACCOUNT", "", each) for each in (ID, LOGIN)),
    *(entity_id("EMAIL", "", sha256(f"oso{each}")) for each in MAILS),
]
# Runs a command, and ends it hard when a function of the forgetting has done its work: then what was done
# is not written down yet, which is the worst moment.
KILLED = """
import os, sys
from oso_processors import forgetting
from oso_processors.cli import main

name, *arguments = sys.argv[1:]
place = forgetting.ledger if hasattr(forgetting.ledger, name) else forgetting
part = getattr(place, name)

def killed(*given):
    part(*given)
    os._exit(9)

setattr(place, name, killed)
forgetting.STEPS = {k: killed if each is part else each for k, each in forgetting.STEPS.items()}
main(arguments)
"""
FACTS = ("intermediate.measurements", "marts.projects_summary_v1")


def oso(project: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "oso"), *arguments],
        cwd=project,
        env={**os.environ, "OSO_HOME": ".oso", "COLUMNS": "200", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def forget(project: Path, *arguments: str, actor: str = f"github:{LOGIN}") -> dict[str, object]:
    """Forget somebody and return the receipt."""
    done = oso(project, "forget", "--actor", actor, "--yes", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return orjson.loads(done.stdout)


def open_warehouse(project: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    # Views name their tables in full.
    connection.execute(f"ATTACH '{project / '.oso' / 'warehouse.duckdb'}' AS oso; USE oso")
    return connection


def pattern(shown: list[str]) -> str:
    return f"(^|[^a-z0-9])({'|'.join(map(re.escape, shown))})($|[^a-z0-9])"


def in_warehouse(project: Path, shown: list[str]) -> list[str]:
    """Name every table of the warehouse that shows somebody."""
    with open_warehouse(project) as connection:
        tables = connection.execute(
            "SELECT '\"' || schema_name || '\".\"' || table_name || '\"' FROM duckdb_tables()"
        ).fetchall()
        return [
            name
            for (name,) in tables
            if connection.execute(
                f"SELECT 1 FROM {name} AS t WHERE regexp_matches(lower(CAST(t AS VARCHAR)), ?) LIMIT 1",
                [pattern(shown)],
            ).fetchone()
        ]


def in_files(project: Path, shown: list[str]) -> list[str]:
    """Name every file that was made and shows somebody: tables by their rows, others by their bytes."""
    files = [each for each in (project / ".oso").rglob("*") if each.is_file()]
    tables = [each for each in files if each.suffix == ".parquet"]
    rows = [
        str(each)
        for each in tables
        if duckdb.execute(
            f"SELECT 1 FROM '{each}' AS t WHERE regexp_matches(lower(CAST(t AS VARCHAR)), ?) LIMIT 1",
            [pattern(shown)],
        ).fetchone()
    ]
    # A number or a few letters may stand in the bytes of a file by chance.
    words = [each.encode() for each in shown if not each.isdigit() and len(each) > 5]
    return rows + [
        str(each)
        for each in files
        if each not in tables
        and "postgres" not in each.parts
        and any(word in each.read_bytes().lower() for word in words)
    ]


def in_postgres(project: Path, shown: list[str]) -> list[str]:
    """Name every table of the serving database that shows somebody."""
    with serving(project / ".oso" / "postgres") as dsn, psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('store', 'public')"
        ).fetchall()
        assert tables
        return [
            name
            for (name,) in tables
            if connection.execute(
                f"SELECT 1 FROM {name} AS t WHERE lower(t::text) ~ %s LIMIT 1", [pattern(shown)]
            ).fetchone()
        ]


def everywhere(project: Path, shown: list[str] = SHOWN) -> list[str]:
    return [*in_warehouse(project, shown), *in_files(project, shown), *in_postgres(project, shown)]


def facts(project: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that is counted."""
    with open_warehouse(project) as connection:
        return {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in FACTS}


def persons(project: Path) -> list[tuple[object, ...]]:
    """How many persons did what, and how many of them are bots."""
    with open_warehouse(project) as connection:
        return connection.execute(
            "SELECT event_type, is_bot, count(DISTINCT person_key), sum(event_count)"
            " FROM intermediate.actor_activity_daily GROUP BY ALL ORDER BY ALL"
        ).fetchall()


def links(project: Path) -> tuple[int, int]:
    """How many links between actors there are, and how many of them show somebody."""
    listed = ", ".join(f"'{each}'" for each in SHOWN)
    with open_warehouse(project) as connection:
        return connection.execute(
            f"SELECT count(*), count_if(actor_id IN ({listed}) OR other_actor_id IN ({listed}))"
            " FROM intermediate.identity_links"
        ).fetchone()


def kept(project: Path) -> list[str]:
    return sorted(each.name for each in (project / ".oso" / "releases").glob("r*"))


def test_nothing_shows_who_was_forgotten_and_every_count_is_what_it_was(ran):
    counted, people = facts(ran), persons(ran)
    linked, shown = links(ran)
    assert shown > 0
    for source in ("gharchive", "oss_directory"):
        (ran / ".oso" / "downloads" / source).mkdir(parents=True)
        (ran / ".oso" / "downloads" / source / "fetched").touch()
    assert {'"raw"."gharchive__events"', '"raw"."git_history__commits"'} <= set(
        in_warehouse(ran, SHOWN)
    )

    receipt = forget(ran)

    assert everywhere(ran) == []
    assert facts(ran) == counted
    assert persons(ran) == people
    assert links(ran) == (linked, 0)
    assert receipt["published"] == {}
    assert receipt["releases"] == {}
    assert kept(ran) == ["r1"]
    assert {each["table"] for each in receipt["raw"]} == {
        "gharchive__events",
        "git_history__commits",
    }
    parents = receipt["lineage"]["intermediate.github_activity_daily.account"]
    assert parents == ["intermediate.github_events.account"]
    assert receipt["done"]["downloads_removed"] == ["gharchive"]
    # Files and Postgres keep nothing of what was removed.
    assert receipt["done"]["can_be_had_until"] == {}
    assert [each.name for each in (ran / ".oso" / "downloads").iterdir()] == ["oss_directory"]
    (path,) = (ran / ".oso" / "receipts").iterdir()
    assert orjson.loads(path.read_bytes()) == receipt


@pytest.mark.long
def test_a_backfill_of_the_same_hours_does_not_bring_anybody_back(ran, sample):
    counted, people = facts(ran), persons(ran)
    forget(ran)
    with open_warehouse(ran) as connection:
        connection.execute("DELETE FROM raw._state")

    done = oso(ran, "run", "--from", str(sample))

    assert done.returncode == 0, done.stderr
    assert everywhere(ran) == []
    assert facts(ran) == counted
    assert persons(ran) == people


@pytest.mark.long
def test_releases_that_show_who_was_forgotten_are_removed_from_every_store(ran, sample, tmp_path):
    more = add_hour(ran, sample, tmp_path, {"id": 77, "name": "cy2/dots"})
    done = oso(ran, "run", "--from", str(more))
    assert "Released r2." in done.stdout, done.stderr
    shown = ["cy2", "5000002"]
    repository = ["cy2/dots", entity_id("GITHUB", "cy2", "dots")]
    assert in_postgres(ran, repository)

    receipt = forget(ran, actor="github:5000002")

    assert everywhere(ran, [*shown, *repository]) == []
    assert receipt["published"]["artifacts_v1"] == [
        "artifact_id",
        "artifact_namespace",
        "artifact_name",
        "artifact_url",
    ]
    assert list(receipt["releases"]) == ["r2"]
    assert receipt["done"]["released"] == "r3"
    assert receipt["done"]["releases_removed"] == ["r2"]
    assert kept(ran) == ["r1", "r3"]
    assert oso(ran, "verify").returncode == 0
    back = oso(ran, "rollback", "r2")
    assert (back.returncode, "r2: is no release that is kept" in back.stderr) == (2, True)


def add_hour(project: Path, sample: Path, folder: Path, repository: dict[str, object]) -> Path:
    """Return a copy of the sample with an hour more, in which cy2 works in ``repository``."""
    more = folder / "sample"
    shutil.copytree(sample, more)
    with open_warehouse(project) as connection:
        # The copy stands for the folder that was collected, to which other tests may add nothing.
        renamed = "UPDATE raw._origins SET origin = replace(origin, ?, ?)"
        connection.execute(renamed, [str(sample), str(more)])
    event = {
        "id": "9",
        "type": "WatchEvent",
        "actor": {"id": 5000002, "login": "cy2"},
        "repo": repository,
        "created_at": "2025-10-14T05:00:00Z",
    }
    path = more / "gharchive" / "2025-10-13-5.json.gz"
    path.write_bytes(gzip.compress(orjson.dumps(event)))
    return more


@pytest.mark.long
def test_a_forgetting_that_was_killed_at_any_step_is_finished_by_the_next(ran, sample):
    counted = facts(ran)
    steps = (
        "begin",
        "_fetched",
        "_build",
        "_clean",
        "_release",
        "_sweep",
        "compact",
        "_write_receipt",
    )
    for step in steps:
        kill_after(step, ran)

    receipt = forget(ran)

    assert everywhere(ran) == []
    assert facts(ran) == counted
    assert receipt["made_again"][0] == "intermediate.activity"
    (path,) = (ran / ".oso" / "receipts").glob("*.json")
    assert orjson.loads(path.read_bytes()) == receipt
    again = oso(ran, "forget", "--actor", f"github:{LOGIN}", "--yes")
    assert (again.returncode, "was forgotten on 20" in again.stderr) == (2, True)


@pytest.mark.long
def test_a_run_after_a_kill_makes_anew_what_shows_who_is_being_forgotten(ran, sample):
    kill_after("begin", ran)

    done = oso(ran, "run", "--from", str(sample))

    assert done.returncode == 0, done.stderr
    assert in_warehouse(ran, SHOWN) == []


def kill_after(step: str, project: Path) -> None:
    command = ("forget", "--actor", f"github:{LOGIN}", "--yes")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, step, *command],
        cwd=project,
        env={**os.environ, "OSO_HOME": ".oso"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 9, (step, done.stderr)


@pytest.mark.long
def test_an_environment_of_changed_models_goes_with_what_it_shows(ran):
    model = ran / "models" / "intermediate" / "actor_activity_daily.sql"
    model.write_text(model.read_text().replace("SUM(event_count)", "2 * SUM(event_count)"))
    planned = subprocess.run(
        [
            str(Path(sys.executable).parent / "sqlmesh"),
            "plan",
            "dev",
            "--auto-apply",
            "--no-prompts",
            "--skip-tests",  # the model is another one than they are for
        ],
        cwd=ran,
        env={**os.environ, "OSO_HOME": ".oso"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert planned.returncode == 0, planned.stdout + planned.stderr
    model.write_text(model.read_text().replace("2 * SUM(", "SUM("))

    receipt = forget(ran)

    assert receipt["done"]["environments_dropped"] == ["dev"]
    assert everywhere(ran) == []


@pytest.mark.long
def test_what_would_be_rewritten_is_told_and_nothing_done(ran):
    before = {each: each.stat().st_mtime_ns for each in (ran / ".oso").glob("releases/**/*")}
    counted = persons(ran)

    told = oso(ran, "forget", "--actor", f"github:{LOGIN}", "--dry-run")

    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert re.match(r"raw\.gharchive__events: \d+ rows: actor_id \d+, actor_login \d+", lines[0])
    assert lines[-1] == "releases stay: none of 1 that are kept shows the person"
    assert {each: each.stat().st_mtime_ns for each in before} == before
    assert persons(ran) == counted
