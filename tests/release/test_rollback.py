"""A rollback is a release of the tables of an earlier one, in all stores, with no row copied."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace

import duckdb
import orjson
import psycopg
import pytest

from oso_processors.errors import (
    Mismatch,
    ReadersInTheWay,
    ReleaseBlocked,
    ReleaseNotKept,
)
from oso_processors.release import Request, Wish, release
from oso_processors.release.record import COLUMNS as OWN_COLUMNS
from oso_processors.release.rollback import rollback
from oso_processors.release.verify import drifted
from oso_processors.settings import RETENTION, retention_of
from oso_processors.stores.files import FilesStore
from oso_processors.stores.postgres import PostgresStore
from oso_processors.tables import Column, Table

COLUMNS = (Column("repo", "VARCHAR", "The repository."), Column("stars", "BIGINT", "How many."))
KEEP = retention_of(RETENTION)


def wish(count, name="stars", rows=4, options=None):
    query = f"SELECT 'r' || i AS repo, {count}::BIGINT AS stars FROM range({rows}) t(i)"
    table = Table(name, f"marts.{name}", query, COLUMNS, ("repo",), "A repository.", "1")
    return Wish(table, options or {"files": {}, "postgres": {}}, {"owner": "me"})


@pytest.fixture
def stores(tmp_path, postgres):
    in_postgres = PostgresStore(postgres)
    yield [FilesStore(tmp_path / "releases"), in_postgres]
    in_postgres.close()


@pytest.fixture
def publish(warehouse, stores, quiet):
    """Publish tables as the next release, and keep those before."""

    def make(*wishes, again=False, to=stores):
        request = Request(again=again, keep=KEEP, may_shrink=["all"])
        return release(warehouse, list(wishes), to, {}, quiet, request).release

    return make


@pytest.fixture
def back(stores, quiet):
    """Go back in a database of its own, as the command does."""

    def go(release_id=None, reason="", to=stores):
        with duckdb.connect() as connection:
            return rollback(connection, to, quiet, release_id, reason, KEEP)

    return go


@pytest.fixture
def read(postgres):
    def rows(query):
        with psycopg.connect(postgres) as connection:
            return connection.execute(query).fetchall()

    return rows


def test_the_release_before_is_served_again_in_every_store_as_a_release_of_its_own(
    publish, back, stores, read
):
    publish(wish(1))
    publish(wish(2))
    tables = set(read("SELECT tablename FROM pg_tables WHERE tablename LIKE 'stars%'"))

    done = back(reason="twice too many")

    assert (done.before.id, done.release.id) == ("r2", "r3")
    assert [store.served() for store in stores] == [done.release, done.release]
    assert read("SELECT DISTINCT stars FROM stars") == [(1,)]
    assert read("SELECT release_id, reason FROM _releases ORDER BY 1") == [
        ("r1", ""),
        ("r2", ""),
        ("r3", "rollback from r2 to r1: twice too many"),
    ]
    assert read("SELECT * FROM _changes WHERE release_id = 'r3'") == [
        ("r3", "stars", "full", 0, 0, 4, [], [], [], None)
    ]
    assert read("SELECT model, release_id FROM _tables") == [("marts.stars", "r3")]
    assert set(read("SELECT tablename FROM pg_tables WHERE tablename LIKE 'stars%'")) == tables
    files = stores[0].place.root
    assert (files / "r1" / "stars" / "data.parquet").samefile(
        files / "r3" / "stars" / "data.parquet"
    )
    assert drifted(stores) == (done.release, [])


def test_a_release_is_named_to_go_further_back(publish, back, read):
    publish(wish(1))
    publish(wish(2), wish(2, "more"))
    publish(wish(3), wish(3, "more"))

    done = back("r1")

    assert done.release.reason == "rollback from r3 to r1"
    assert read("SELECT DISTINCT stars FROM stars") == [(1,)]
    assert read("SELECT to_regclass('public.more')") == [(None,)]


def test_a_second_rollback_does_nothing(publish, back):
    publish(wish(1))
    publish(wish(2))
    first = back()

    for release_id in (None, "r1", "r3"):
        assert back(release_id).release == first.release


@pytest.fixture
def older(monkeypatch):
    """Lets releases' own tables have fewer columns, and no words on them, as of an earlier version, within a block."""

    @contextmanager
    def version():
        with monkeypatch.context() as patch:
            for name, columns in OWN_COLUMNS.items():
                fewer = columns[:-1] if name in ("_audits", "_gaps") else columns
                patch.setitem(OWN_COLUMNS, name, [replace(each, description="") for each in fewer])
            yield

    return version


def test_a_second_rollback_does_nothing_after_an_upgrade_of_own_tables(
    publish, back, older, stores
):
    with older():
        publish(wish(1))
        publish(wish(2))
        first = back()

    assert back().release == first.release
    assert [store.served() for store in stores] == [first.release, first.release]


def test_going_back_to_before_an_upgrade_of_own_tables_is_a_release(
    warehouse, publish, back, older, stores, read
):
    with older():
        publish(wish(1))
    publish(wish(2))

    done = back()

    assert (done.before.id, done.release.id) == ("r2", "r3")
    assert read("SELECT DISTINCT stars FROM stars") == [(1,)]
    assert read("SELECT release_id, reason FROM _releases ORDER BY 1") == [
        ("r1", ""),
        ("r2", ""),
        ("r3", "rollback from r2 to r1"),
    ]
    assert drifted(stores) == (done.release, [])
    assert back().release == done.release


def test_rows_are_as_old_as_the_release_that_they_were_made_for(publish, back):
    first = replace(publish(wish(1)), released_at="2026-01-31T00:00:00+00:00")
    made = replace(publish(wish(2)), past=first.remembered())

    taken_back = replace(back().release, past=made.remembered())

    assert made.rows_made_at == made.released_at
    assert taken_back.rows_made_at == first.released_at


def test_a_table_of_postgres_alone_comes_back_too(publish, back, read):
    publish(wish(1), wish(1, "alone", options={"postgres": {}}))
    publish(wish(2))

    back()

    assert read("SELECT DISTINCT stars FROM alone") == [(1,)]
    assert read("SELECT table_name, rows_added FROM _changes WHERE release_id = 'r3'") == [
        ("alone", None),
        ("stars", 0),
    ]


def test_what_audits_and_gaps_said_then_comes_back_with_the_tables(warehouse, publish, back, read):
    warehouse.execute("CREATE SCHEMA raw")
    warehouse.execute(
        "CREATE TABLE raw.gaps AS SELECT 'git' AS source, 'commits' AS stream, now() AS started_at,"
        " now() AS ended_at, 'gone' AS reason, 'curl: not there' AS detail"
    )
    publish(wish(1))
    warehouse.execute("DELETE FROM raw.gaps")
    publish(wish(2))

    back()

    assert read("SELECT source, subject FROM _gaps") == [("git", "curl")]


def test_what_was_taken_back_is_not_published_again_unless_somebody_says_so(publish, back, read):
    publish(wish(1), wish(1, "same"))
    publish(wish(2), wish(1, "same"))
    back(reason="wrong")

    with pytest.raises(
        ReleaseBlocked,
        match=r"^stars: it is as in r2, and r3 is a rollback from r2 to r1: wrong; mend it, or add"
        r" --again; the old release is still served$",
    ):
        publish(wish(2), wish(1, "same"))

    assert read("SELECT DISTINCT stars FROM stars") == [(1,)]
    assert publish(wish(2), wish(1, "same"), again=True).id == "r4"


def test_what_is_mended_after_a_rollback_is_published(publish, back):
    publish(wish(1))
    publish(wish(2))
    back()

    mended = publish(wish(3))

    assert (mended.id, mended.took_back) == ("r4", None)


def test_going_back_twice_still_holds_what_was_taken_back_first(publish, back):
    publish(wish(1))
    publish(wish(2))
    publish(wish(3))
    back()
    back("r1")

    with pytest.raises(ReleaseBlocked, match="stars: it is as in r3, and r5 is a rollback from r4"):
        publish(wish(3))


def test_a_table_whose_absence_was_taken_back_does_not_go_again(publish, back):
    publish(wish(1), wish(1, "more"))
    publish(wish(1))
    back()

    with pytest.raises(ReleaseBlocked, match="more: it is as in r2"):
        publish(wish(1))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (None, "the release before r1: is no release that is kept; kept are r1"),
        ("r9", "r9: is no release that is kept; kept are r1"),
        ("nine", "nine: is no release that is kept; kept are r1"),
    ],
)
def test_a_release_that_is_not_there_is_not_gone_back_to(publish, back, stores, asked, said):
    first = publish(wish(1))

    with pytest.raises(ReleaseNotKept) as refused:
        back(asked)

    assert str(refused.value) == said
    assert [store.served() for store in stores] == [first, first]


def test_before_the_first_release_there_is_nothing_to_go_back_to(back):
    with pytest.raises(ReleaseNotKept, match="none was made yet"):
        back()


def test_a_release_that_one_store_lacks_is_not_gone_back_to(publish, back, stores):
    publish(wish(1))
    second = publish(wish(2))
    stores[1].sweep([second])

    with pytest.raises(ReleaseNotKept, match=r"r1: .*; kept are r2"):
        back()


def test_a_release_that_one_store_lacks_is_not_skipped_without_a_word(publish, back, stores):
    first = publish(wish(1))
    publish(wish(2))
    third = publish(wish(3))
    stores[1].sweep([third, first])

    with pytest.raises(ReleaseNotKept, match=r"^r2: .*; kept are r3, r1$"):
        back()

    assert back("r1").release.reason == "rollback from r3 to r1"


def test_rows_that_changed_since_are_not_served_again(publish, back, stores, postgres, read):
    publish(wish(1))
    second = publish(wish(2))
    with psycopg.connect(postgres, autocommit=True) as connection:
        ((name,),) = connection.execute(
            "SELECT tables -> 'stars' -> 0 ->> 'table' FROM store._releases WHERE number = 1"
        ).fetchall()
        connection.execute(f"UPDATE store.\"{name}\" SET stars = 7 WHERE repo = 'r0'")

    with pytest.raises(Mismatch, match="postgres: stars: its checksum"):
        back()

    assert [store.served() for store in stores] == [second, second]


class Refusing(PostgresStore):
    """A Postgres whose readers are always in the way."""

    def publish(self, release, outputs):
        raise ReadersInTheWay(40)


def test_all_stores_stay_when_one_refuses(publish, back, stores, postgres, read):
    publish(wish(1))
    second = publish(wish(2))
    stores[1].close()

    with closing(Refusing(postgres)) as refusing:
        with pytest.raises(ReadersInTheWay):
            back(to=[stores[0], refusing])
        with pytest.raises(ReadersInTheWay):
            publish(wish(3), to=[stores[0], refusing])
        assert [stores[0].served(), refusing.served()] == [second, second]

    with closing(PostgresStore(postgres)) as willing:
        assert back(to=[stores[0], willing]).release.id == "r3"
    assert read("SELECT DISTINCT stars FROM stars") == [(1,)]


def test_a_rollback_that_was_cut_off_between_two_stores_is_finished_by_the_next(
    publish, back, stores, read
):
    publish(wish(1))
    publish(wish(2))
    cut_off = back(to=stores[:1])

    assert drifted(stores) == (
        cut_off.release,
        ["postgres: _releases: it serves r2 and not r3"],
    )
    done = back()

    assert [store.served() for store in stores] == [done.release, done.release]
    assert done.release == cut_off.release
    assert read("SELECT DISTINCT stars FROM stars") == [(1,)]
    assert orjson.loads((stores[0].place.root / "latest.json").read_bytes())["release"] == "r3"


def test_releases_stay_for_as_long_as_it_is_said(warehouse, publish, stores, quiet):
    for count in (1, 2, 3):
        publish(wish(count))

    assert [[each.id for each in store.kept()] for store in stores] == [["r3", "r2", "r1"]] * 2

    release(warehouse, [wish(3)], stores, {}, quiet)

    assert [[each.id for each in store.kept()] for store in stores] == [["r3", "r2"]] * 2
