"""What changed between two releases: kinds by shape, rows by grain, and the tables that tell of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import orjson
import pytest
from click.testing import CliRunner

from oso_processors.cli import main
from oso_processors.errors import ReleaseBlocked
from oso_processors.release import Request, Wish, release
from oso_processors.release.changes import kind_of
from oso_processors.release.gaps import counted_query
from oso_processors.release.guards import supply
from oso_processors.stores import Published
from oso_processors.stores.files import FilesStore
from oso_processors.tables import Column, Table

COLUMNS = (Column("repo", "VARCHAR", "It."), Column("stars", "BIGINT", "How many."))
MORE = (*COLUMNS, Column("forks", "BIGINT", "How many."))
STARS = Published("d", 3, "3:0:0", ("repo",), "Stars.", COLUMNS, {}, {})
FIRST = (
    "SELECT * FROM (VALUES ('a', 1::BIGINT), ('b', 2), ('c', 3), ('d', 4), ('e', 5)) t(repo, stars)"
)
THEN = "SELECT * FROM (VALUES ('a', 1::BIGINT), ('b', 7), ('d', 4), ('e', NULL), ('f', 6)) t(repo, stars)"


def wish(query: str, columns: tuple[Column, ...] = COLUMNS) -> Wish:
    table = Table("stars", "marts.stars", query, columns, ("repo",), "Stars.", "1")
    return Wish(table, {"files": {}}, {"owner": "me"})


@pytest.fixture
def store(tmp_path: Path) -> FilesStore:
    return FilesStore(tmp_path / "home" / "releases")


def told(store: FilesStore, name: str, columns: str = "*") -> list[tuple[object, ...]]:
    served = store.served()
    assert served is not None
    return duckdb.sql(f"SELECT {columns} FROM {store.source(served, name)} ORDER BY ALL").fetchall()


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"checksum": "3:1:1"}, "full"),
        ({"columns": MORE}, "additive"),
        ({"columns": COLUMNS[:1]}, "breaking"),
        ({"columns": COLUMNS[::-1]}, "breaking"),
        ({"columns": (COLUMNS[0], Column("stars", "VARCHAR", "How many."))}, "breaking"),
        ({"grain": ("repo", "stars")}, "breaking"),
    ],
)
def test_a_change_is_of_the_kind_that_its_shape_tells(changed, kind):
    assert kind_of(STARS, replace(STARS, **changed)) == kind


def test_a_table_that_comes_is_new_and_one_that_goes_is_removed():
    assert (kind_of(None, STARS), kind_of(STARS, None)) == ("new", "removed")


def test_each_release_tells_what_it_changed_and_what_those_before_did(warehouse, store, quiet):
    release(warehouse, [wish(FIRST)], [store], {}, quiet, Request("the first", "abc"))
    release(warehouse, [wish(THEN)], [store], {}, quiet, Request("", "def+"))

    assert told(store, "_changes") == [
        ("r1", "stars", "new", 5, 0, 0, ["repo", "stars"], [], [], "abc"),
        ("r2", "stars", "full", 1, 1, 2, [], [], [], "def+"),
    ]
    assert told(store, "_releases", "release_id, reason") == [("r1", "the first"), ("r2", "")]


def test_a_column_that_comes_is_told_and_rows_are_compared_by_the_others(warehouse, store, quiet):
    release(warehouse, [wish(FIRST)], [store], {}, quiet)
    wider = wish(f"SELECT *, 9::BIGINT AS forks FROM ({FIRST})", MORE)
    release(warehouse, [wider], [store], {}, quiet)

    assert told(store, "_changes")[1][2:9] == ("additive", 0, 0, 0, ["forks"], [], [])


def test_audits_and_gaps_of_the_warehouse_are_published_with_the_release(warehouse, store, quiet):
    warehouse.execute("CREATE SCHEMA raw")
    warehouse.execute(
        "CREATE TABLE raw._audits AS SELECT 'marts.stars' AS model, 1::BIGINT AS position,"
        " 'not_null' AS audit, '1970-01-01'::TIMESTAMPTZ AS starts_at, '2024-05-02'::TIMESTAMPTZ"
        " AS ends_at, true AS passed, 0::BIGINT AS bad_rows, 12::BIGINT AS milliseconds,"
        " '2024-05-03'::TIMESTAMPTZ AS audited_at"
    )
    warehouse.execute(
        "CREATE TABLE raw.gaps AS SELECT 'git_history' AS source, 'commits' AS stream,"
        " NULL::TIMESTAMPTZ AS started_at, NULL::TIMESTAMPTZ AS ended_at, 'unreadable' AS reason,"
        " 'github.com/a/b: /home/me/b is no repository' AS detail"
    )

    release(warehouse, [wish(FIRST)], [store], {}, quiet)

    assert told(store, "_audits", "model, audit, passed, bad_rows, milliseconds") == [
        ("marts.stars", "not_null", True, 0, 12)
    ]
    gap = (1, "git_history", "commits", None, None, "unreadable", "github.com/a/b")
    assert told(store, "_gaps") == [gap]


def test_an_hour_that_came_later_is_no_gap_and_one_that_lacks_something_is(warehouse, store, quiet):
    warehouse.execute("CREATE SCHEMA raw; CREATE SCHEMA staging")
    warehouse.execute(
        "CREATE TABLE raw.gaps AS SELECT 'gharchive' AS source, 'events' AS stream,"
        " '2024-05-01 08:00:00Z'::TIMESTAMPTZ AS started_at, '2024-05-01 12:00:00Z'::TIMESTAMPTZ AS ended_at,"
        " 'missing' AS reason, NULL::VARCHAR AS detail"
    )
    warehouse.execute(
        "CREATE TABLE staging.github_hours AS SELECT hour AS collected_hour, 'minimized' AS form,"
        " hour(hour AT TIME ZONE 'UTC') <> 9 AS has_commits, true AS has_merges, true AS has_threads FROM"
        " (VALUES ('2024-05-01 09:00:00Z'::TIMESTAMPTZ), ('2024-05-01 12:00:00Z')) AS t(hour)"
    )
    warehouse.execute(
        "CREATE TABLE staging.github_events AS SELECT * FROM (VALUES"
        " ('2024-05-01 09:30:00Z'::TIMESTAMPTZ, 3), ('2024-05-01 09:40:00Z', 4), ('2024-05-01 09:50:00Z', 0))"
        " AS t(created_at, unlisted_commit_count)"
    )

    release(warehouse, [wish(FIRST)], [store], {}, quiet)

    starts, ends = (f"{each} AT TIME ZONE 'UTC'" for each in ("started_at", "ended_at"))
    columns = f"day({starts}), hour({starts}), day({ends}), hour({ends}), reason, subject"
    assert told(store, "_gaps", columns) == [
        (1, 0, 2, 0, "pushes list fewer commits than they have", "2 pushes, 7 commits"),
        (1, 8, 1, 9, "missing", None),
        (1, 9, 1, 10, "pushes list no commits", "minimized"),
        (1, 10, 1, 12, "missing", None),
    ]


def test_only_what_is_missing_still_is_counted(warehouse):
    warehouse.execute("CREATE SCHEMA raw; CREATE SCHEMA staging")
    warehouse.execute(
        "CREATE TABLE raw.gaps AS SELECT * FROM (VALUES"
        " ('gharchive', 'events', '2024-05-01 08:00:00Z'::TIMESTAMPTZ, '2024-05-01 12:00:00Z'::TIMESTAMPTZ,"
        " 'missing', NULL),"
        " ('gharchive', 'events', '2024-05-01 11:00:00Z', '2024-05-01 12:00:00Z', 'missing', 'again'),"
        " ('git_history', 'commits', NULL, NULL, 'unreadable', 'github.com/a/b: no such repository'),"
        " ('git_history', 'commits', NULL, NULL, 'unreadable', 'github.com/a/b: no such host'))"
        " AS t(source, stream, started_at, ended_at, reason, detail)"
    )
    before = warehouse.execute(counted_query(warehouse)).fetchall()
    warehouse.execute(
        "CREATE TABLE staging.github_hours AS SELECT '2024-05-01 09:00:00Z'::TIMESTAMPTZ AS collected_hour;"
        " CREATE TABLE staging.github_events AS SELECT 1 AS event_id"
    )

    after = warehouse.execute(counted_query(warehouse)).fetchall()

    assert before == [("gharchive", "missing", 2), ("git_history", "unreadable", 1)]
    assert after == [("gharchive", "missing", 3), ("git_history", "unreadable", 1)]


def test_hours_that_came_later_keep_nothing_back(warehouse):
    warehouse.execute("CREATE SCHEMA raw; CREATE SCHEMA staging")
    warehouse.execute(
        "CREATE TABLE raw.gaps AS SELECT 'gharchive' AS source, 'events' AS stream,"
        " date_trunc('hour', now()) - INTERVAL 90 HOUR AS started_at,"
        " date_trunc('hour', now()) AS ended_at, 'missing' AS reason, NULL::VARCHAR AS detail"
    )
    warehouse.execute(
        "CREATE TABLE staging.github_hours AS SELECT started_at + INTERVAL 60 HOUR AS collected_hour"
        " FROM raw.gaps; CREATE TABLE staging.github_events AS SELECT 1 AS event_id"
    )

    assert supply(warehouse).longest_gap == {"gharchive": timedelta(hours=60)}


def test_a_table_that_lost_a_third_of_its_rows_is_not_published_unless_somebody_says_so(
    warehouse, store, quiet
):
    release(warehouse, [wish(FIRST)], [store], {}, quiet)
    fewer = [wish(f"{FIRST} WHERE repo < 'd'")]

    with pytest.raises(ReleaseBlocked, match=r"stars: it would shrink from 5 to 3 rows.*20%"):
        release(warehouse, fewer, [store], {}, quiet)

    done = release(warehouse, fewer, [store], {}, quiet, Request(may_shrink=["stars"]))
    assert (done.release.id, done.plan.steps[0].kind) == ("r2", "full")


@pytest.fixture
def diff(warehouse, store, quiet, tmp_path, monkeypatch):
    """`oso diff` over two releases."""
    release(warehouse, [wish(FIRST)], [store], {}, quiet)
    release(warehouse, [wish(THEN)], [store], {}, quiet)
    monkeypatch.setenv("OSO_HOME", str(tmp_path / "home"))
    return lambda *arguments: CliRunner().invoke(main, ["diff", *arguments])


def test_diff_shows_the_rows_that_differ(diff):
    done = diff("r1", "r2", "stars")

    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.output.splitlines()]
    assert ["b", "True", "True", "2", "7"] in [
        row[:3] + [n.removesuffix(".0") for n in row[3:]] for row in rows
    ]


def test_diff_gives_numbers_to_a_machine(diff):
    (change,) = orjson.loads(diff("r1", "r2", "--json").output)

    assert (change["table"], change["kind"]) == ("stars", "full")
    assert change["counts"] == {"added": 1, "removed": 1, "changed": 2}


def test_diff_writes_all_rows_that_differ(diff, tmp_path):
    diff("r1", "r2", "--parquet", str(tmp_path / "changes"))

    rows = duckdb.sql(f"SELECT repo, is_old, is_new FROM '{tmp_path}/changes/stars.parquet'")
    assert rows.fetchall() == [
        ("b", True, True),
        ("c", True, False),
        ("e", True, True),
        ("f", False, True),
    ]


def test_diff_of_what_is_not_kept_is_one_clear_line(diff):
    release_gone, table_gone = diff("r1", "r9"), diff("r1", "r2", "star")

    assert release_gone.output == "Error: r9: is no release that is kept; kept are r2, r1\n"
    assert table_gone.output == "Error: star: is no table of r1; did you mean 'stars'?\n"
    assert (release_gone.exit_code, table_gone.exit_code) == (2, 2)
