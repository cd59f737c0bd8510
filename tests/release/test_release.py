"""Releases into both stores, on a real Postgres and real files."""

from __future__ import annotations

from pathlib import Path

import duckdb
import orjson
import psycopg
import pytest

from oso_processors.errors import Mismatch, ReleaseBlocked, ReleaseLocked
from oso_processors.release import Request, Wish, release
from oso_processors.stores.files import FilesStore
from oso_processors.stores.postgres import PostgresStore
from oso_processors.tables import Column, Table

STARS = (Column("repo", "VARCHAR", "The repository."), Column("stars", "BIGINT", "How many."))
EVERYWHERE = {"files": {}, "postgres": {"indexes": [["stars"]]}}
ABOUT = {"owner": "me", "tier": "preview", "licence": "CC0-1.0"}


def wish(name="stars", query="SELECT repo, stars FROM stars", columns=STARS, options=EVERYWHERE):
    made = Table(name, f"marts.{name}", query, columns, ("repo",), "One row is a repository.", "1")
    return Wish(made, options, ABOUT)


@pytest.fixture
def stars(warehouse):
    """A warehouse with one table."""
    warehouse.execute("CREATE TABLE stars AS SELECT * FROM (VALUES ('a', 1), ('b', 2)) t(repo, n)")
    warehouse.execute("ALTER TABLE stars RENAME n TO stars")
    warehouse.execute("ALTER TABLE stars ALTER stars TYPE BIGINT")
    return warehouse


@pytest.fixture
def stores(tmp_path, postgres):
    store = PostgresStore(postgres)
    yield [FilesStore(tmp_path / "releases"), store]
    store.close()


def read(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


def in_files(folder: Path, name: str) -> list[tuple[object, ...]]:
    pointer = orjson.loads((folder / "latest.json").read_bytes())
    path = folder / pointer["release"] / name / "*.parquet"
    return duckdb.sql(f"FROM '{path}' ORDER BY ALL").fetchall()


def test_the_first_release_is_in_every_store(stars, stores, quiet, postgres, tmp_path):
    done = release(stars, [wish()], stores, {}, quiet)

    assert done.release.id == "r1"
    assert read(postgres, "SELECT * FROM stars ORDER BY repo") == [("a", 1), ("b", 2)]
    assert in_files(tmp_path / "releases", "stars") == [("a", 1), ("b", 2)]
    assert read(postgres, "SELECT release_id, table_count FROM _releases") == [("r1", 1)]
    assert read(postgres, "SELECT table_name, row_count, licence, grain FROM _tables") == [
        ("stars", 2, "CC0-1.0", "repo")
    ]
    assert in_files(tmp_path / "releases", "_columns") == [
        ("stars", 1, "repo", "VARCHAR", "The repository."),
        ("stars", 2, "stars", "BIGINT", "How many."),
    ]


def test_a_second_release_of_the_same_is_nothing(stars, stores, quiet):
    first = release(stars, [wish()], stores, {}, quiet)

    second = release(stars, [wish()], stores, {}, quiet)

    assert second.plan.is_nothing
    assert second.release == first.release


def test_only_what_changed_is_built_again(stars, stores, quiet, postgres, tmp_path):
    wishes = [wish(), wish("same")]
    release(stars, wishes, stores, {}, quiet)
    tables = set(read(postgres, "SELECT tablename FROM pg_tables WHERE schemaname = 'store'"))
    stars.execute("CREATE TABLE more AS FROM stars UNION ALL SELECT 'c', 3::BIGINT")

    wishes[0] = wish(query="SELECT repo, stars FROM more")
    done = release(stars, wishes, stores, {}, quiet)

    assert [str(step) for step in done.plan.steps] == [
        "full stars, 3 rows, 0.0 MB",
        "unchanged same",
    ]
    after = set(read(postgres, "SELECT tablename FROM pg_tables WHERE schemaname = 'store'"))
    same = {each for each in tables if each[0].startswith("same__")}
    assert same <= after
    files = tmp_path / "releases"
    assert (files / "r1" / "same" / "data.parquet").samefile(files / "r2" / "same" / "data.parquet")
    assert read(postgres, "SELECT count(*) FROM stars") == [(3,)]


def test_readers_see_the_views_only(stars, stores, quiet, postgres):
    release(stars, [wish()], stores, {}, quiet)

    with psycopg.connect(postgres) as connection:
        connection.execute("SET ROLE oso_reader")
        assert connection.execute("SELECT count(*) FROM stars").fetchone() == (2,)
        (view,) = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'store' AND tablename LIKE 'stars%'"
        ).fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f'SELECT * FROM store."{view}"')


def test_words_and_indexes_come_with_the_table(stars, stores, quiet, postgres):
    release(stars, [wish()], stores, {}, quiet)

    assert read(postgres, "SELECT obj_description('public.stars'::regclass)") == [
        ("One row is a repository.",)
    ]
    assert read(postgres, "SELECT col_description('public.stars'::regclass, 2)") == [("How many.",)]
    indexes = read(
        postgres, "SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'stars%' ORDER BY 1"
    )
    assert [str(each[0]).split(" USING ")[1] for each in indexes] == [
        "btree (stars)",
        "btree (repo)",
    ]
    assert "UNIQUE" in str(indexes[1][0])


def test_grants_of_others_and_their_views_survive(stars, stores, quiet, postgres):
    release(stars, [wish()], stores, {}, quiet)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS somebody")
        connection.execute("CREATE ROLE somebody")
        connection.execute("GRANT SELECT ON stars TO somebody")
        connection.execute("CREATE VIEW theirs AS SELECT repo FROM stars")
    stars.execute("CREATE TABLE fewer AS FROM stars LIMIT 1")

    fewer = [wish(query="SELECT repo, stars FROM fewer")]
    release(stars, fewer, stores, {}, quiet, Request(may_shrink=["stars"]))

    assert read(postgres, "SELECT has_table_privilege('somebody', 'stars', 'SELECT')") == [(True,)]
    assert read(postgres, "SELECT count(*) FROM theirs") == [(1,)]


def test_a_column_that_goes_takes_the_view_with_it_and_leaves_the_grants(
    stars, stores, quiet, postgres
):
    release(stars, [wish()], stores, {}, quiet)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS somebody")
        connection.execute("CREATE ROLE somebody")
        connection.execute("GRANT SELECT ON stars TO somebody")

    narrow = wish(query="SELECT repo FROM stars", columns=STARS[:1], options={"postgres": {}})
    release(stars, [narrow], stores, {}, quiet)

    assert read(postgres, "SELECT * FROM stars ORDER BY 1") == [("a",), ("b",)]
    assert read(postgres, "SELECT has_table_privilege('somebody', 'stars', 'SELECT')") == [(True,)]


def test_an_output_that_is_no_longer_declared_goes(stars, stores, quiet, postgres):
    release(stars, [wish(), wish("same")], stores, {}, quiet)

    done = release(stars, [wish()], stores, {}, quiet)

    assert [str(step) for step in done.plan.steps] == ["unchanged stars", "removed same"]
    assert read(postgres, "SELECT to_regclass('public.same')") == [(None,)]


def test_a_blocked_output_blocks_the_release_and_the_old_one_stays(stars, stores, quiet, postgres):
    release(stars, [wish()], stores, {}, quiet)

    with pytest.raises(ReleaseBlocked, match="stars: its audit failed; the old release is still"):
        release(stars, [wish(), wish("new")], stores, {"stars": "its audit failed"}, quiet)

    assert read(postgres, "SELECT release_id FROM _releases") == [("r1",)]
    assert read(postgres, "SELECT to_regclass('public.new')") == [(None,)]


def test_a_grain_that_is_not_unique_blocks(stars, stores, quiet):
    twice = wish(query="SELECT repo, stars FROM stars UNION ALL SELECT repo, stars FROM stars")

    with pytest.raises(ReleaseBlocked, match=r"stars: its grain \(repo\) is not unique"):
        release(stars, [twice], stores, {}, quiet)


def test_a_store_that_reads_back_something_else_stops_the_release(stars, stores, quiet, postgres):
    release(stars, [wish()], stores, {}, quiet)
    stars.execute("CREATE TABLE more AS FROM stars UNION ALL SELECT 'c', 3::BIGINT")

    class Careless(FilesStore):
        def build(self, connection, release, output):
            super().build(connection, release, output)
            path = self.place.local(f"{release.id}/{output.name}/data.parquet")
            duckdb.sql(f"COPY (FROM '{path}' LIMIT 1) TO '{path}.x' (FORMAT parquet)")
            Path(f"{path}.x").rename(path)

    careless = [Careless(stores[0].place.root), stores[1]]
    with pytest.raises(Mismatch, match="files: stars: its checksum is 1:"):
        release(stars, [wish(query="SELECT repo, stars FROM more")], careless, {}, quiet)

    assert read(postgres, "SELECT count(*) FROM stars") == [(2,)]
    assert stores[0].served().id == "r1"


def test_a_nul_in_a_text_is_left_out_in_every_store(warehouse, stores, quiet, postgres, tmp_path):
    warehouse.execute(
        "CREATE TABLE stars AS SELECT 'a' || chr(0) || 'b' AS repo, 1::BIGINT AS stars"
    )

    release(warehouse, [wish()], stores, {}, quiet)

    assert read(postgres, "SELECT * FROM stars") == [("ab", 1)]
    assert in_files(tmp_path / "releases", "stars") == [("ab", 1)]


def test_two_releases_at_once_are_refused(stores, postgres):
    with pytest.raises(ReleaseLocked, match="another release is being made"):
        PostgresStore(postgres)


def test_a_store_left_behind_is_brought_up_to_the_newest_release(stars, stores, quiet, postgres):
    release(stars, [wish()], stores, {}, quiet)
    stars.execute("CREATE TABLE more AS FROM stars UNION ALL SELECT 'c', 3::BIGINT")
    newer = [wish(query="SELECT repo, stars FROM more")]
    release(stars, newer, stores[:1], {}, quiet)

    done = release(stars, newer, stores, {}, quiet)

    assert (done.release.id, done.plan.behind) == ("r2", ("postgres",))
    assert read(postgres, "SELECT count(*) FROM stars") == [(3,)]
    assert read(postgres, "SELECT DISTINCT release_id FROM _tables") == [("r2",)]
