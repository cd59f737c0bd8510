"""Releases of tables by their days: only the days that changed are read, moved and read back."""

from __future__ import annotations

import hashlib
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import duckdb
import orjson
import psycopg
import pytest

from oso_processors.days import Span
from oso_processors.errors import Mismatch, NotByDay, ReleaseBlocked
from oso_processors.release import Request, Wish, release
from oso_processors.release.rollback import rollback
from oso_processors.release.verify import drifted
from oso_processors.stores.files import FilesStore
from oso_processors.stores.postgres import PostgresStore
from oso_processors.tables import Builds, Column, Table

COLUMNS = (
    Column("repo", "VARCHAR", "The repository."),
    Column("day", "DATE", "The day."),
    Column("stars", "BIGINT", "How many."),
)
ABOUT = {"owner": "me", "tier": "preview", "licence": "CC0-1.0"}
BY_DAY = {"files": {}, "postgres": {"indexes": [["day"]], "partition_by": "day"}}
FIRST = date(2024, 5, 1)
KEPT = {"all": timedelta(days=7)}
DAYS = [FIRST + timedelta(days=number) for number in range(40)]


def wish(builds: Builds | None = None, options=BY_DAY, grain=("repo", "day")) -> Wish:
    query = "SELECT repo, day, stars FROM stars"
    words = "One row is a repository on a day."
    return Wish(
        Table("stars", "marts.stars", query, COLUMNS, grain, words, "1", builds), options, ABOUT
    )


@pytest.fixture
def stars(warehouse):
    """A warehouse with ten repositories on each of forty days."""
    warehouse.execute(
        "CREATE TABLE stars AS SELECT 'r' || i AS repo, (DATE '2024-05-01' + d::INT) AS day,"
        " i + d AS stars FROM range(10) r(i), range(40) t(d)"
    )
    return warehouse


@pytest.fixture
def stores(tmp_path, postgres):
    with closing(PostgresStore(postgres)) as store:
        yield [FilesStore(tmp_path / "releases"), store]


@pytest.fixture
def publish(stars, stores, quiet):
    """Make a release of `stars`; its plan's step for it."""

    def make(made: Wish | None = None, **request: object):
        asked = Request(keep=KEPT, **request)
        done = release(stars, [made or wish()], stores, {}, quiet, asked)
        (step,) = done.plan.steps
        return step.kind, step.row_count

    return make


@pytest.fixture
def served(postgres, stars):
    """Whether readers see what the warehouse holds, in how many tables."""

    def look() -> int:
        with psycopg.connect(postgres) as connection:
            rows = connection.execute("SELECT * FROM stars ORDER BY repo, day").fetchall()
            assert rows == stars.execute("FROM stars ORDER BY repo, day").fetchall()
            row = connection.execute(
                "SELECT jsonb_array_length(tables -> 'stars') FROM store._releases WHERE is_served"
            ).fetchone()
            return row[0]

    return look


def tables(postgres: str) -> dict[str, int]:
    """Return the tables behind `stars` with their rows."""
    with psycopg.connect(postgres) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'store' AND tablename LIKE 'stars%'"
        ).fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM store."{name}"').fetchone()[0]
            for (name,) in names
        }


def test_a_release_moves_the_rows_of_the_day_that_changed(stars, publish, served, postgres):
    assert publish() == ("new", 400)

    stars.execute("UPDATE stars SET stars = 0 WHERE day = DATE '2024-05-03' AND repo = 'r1'")

    assert publish() == ("incremental", 10)
    assert served() == 2
    assert sorted(tables(postgres).values()) == [10, 400]


def files(release: Path) -> dict[str, Path]:
    """Return the files of `stars` in a release."""
    return {path.name: path for path in (release / "stars").iterdir()}


def test_a_day_that_changed_takes_the_file_of_its_month(stars, publish, tmp_path):
    publish()
    stars.execute("UPDATE stars SET stars = 0 WHERE day = DATE '2024-05-03' AND repo = 'r1'")

    publish()

    first, second = (files(tmp_path / "releases" / name) for name in ("r1", "r2"))
    assert sorted(first) == sorted(second) == ["2024-05.parquet", "2024-06.parquet"]
    assert [name for name in first if not first[name].samefile(second[name])] == ["2024-05.parquet"]
    paths = tmp_path / "releases" / "r2" / "stars" / "*.parquet"
    now = stars.execute("FROM stars ORDER BY repo, day").fetchall()
    assert duckdb.sql(f"FROM '{paths}' ORDER BY repo, day").fetchall() == now


def test_a_month_that_went_or_came_takes_no_other_files(stars, publish, stores, tmp_path):
    publish()
    stars.execute("DELETE FROM stars WHERE day < DATE '2024-06-01'")
    stars.execute("INSERT INTO stars VALUES ('new', DATE '2024-12-31', 1)")

    publish(may_shrink=["stars"])

    first, second = (files(tmp_path / "releases" / name) for name in ("r1", "r2"))
    assert sorted(second) == ["2024-06.parquet", "2024-12.parquet"]
    assert first["2024-06.parquet"].samefile(second["2024-06.parquet"])
    assert drifted(stores)[1] == []


def test_a_rollback_has_the_files_of_before(stars, publish, stores, quiet, warehouse, tmp_path):
    publish()
    stars.execute("UPDATE stars SET stars = 0 WHERE day = DATE '2024-05-03'")
    publish()

    rollback(warehouse, stores, quiet, "r1", retention=KEPT)

    first, third = (files(tmp_path / "releases" / name) for name in ("r1", "r3"))
    assert all(first[name].samefile(third[name]) for name in first)
    assert sorted(first) == sorted(third)
    assert drifted(stores)[1] == []


def test_a_month_whose_file_is_gone_is_written_again(stars, publish, stores, tmp_path):
    publish()
    files(tmp_path / "releases" / "r1")["2024-06.parquet"].unlink()
    stars.execute("UPDATE stars SET stars = 0 WHERE day = DATE '2024-05-03'")

    publish()

    assert sorted(files(tmp_path / "releases" / "r2")) == ["2024-05.parquet", "2024-06.parquet"]
    assert drifted(stores)[1] == []


def as_before_folders(release: Path) -> None:
    """Turn a release into one as it was before a table had a folder."""
    body = orjson.loads((release / "manifest.json").read_bytes())
    for told in body["tables"]:
        paths = told.pop("files")
        told["path"] = f"{told['name']}.parquet"
        query = f"FROM '{release}/{told['name']}/*.parquet' ORDER BY ALL"
        duckdb.sql(f"COPY ({query}) TO '{release / told['path']}' (FORMAT parquet)")
        content = (release / told["path"]).read_bytes()
        told |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for each in paths:
            (release / each["path"]).unlink()
        (release / told["name"]).rmdir()
    (release / "manifest.json").write_bytes(orjson.dumps(body))


def test_a_release_from_before_there_were_folders_is_read_compared_followed_and_gone_back_to(
    stars, publish, stores, quiet, warehouse, tmp_path
):
    publish()
    place = tmp_path / "releases"
    as_before_folders(place / "r1")
    assert drifted(stores)[1] == []

    stars.execute("UPDATE stars SET stars = 0 WHERE day = DATE '2024-05-03'")
    publish()
    assert sorted(files(place / "r2")) == ["2024-05.parquet", "2024-06.parquet"]

    rollback(warehouse, stores, quiet, "r1", retention=KEPT)
    assert drifted(stores)[1] == []
    assert (place / "r1" / "stars.parquet").samefile(files(place / "r3")["data.parquet"])


def test_a_day_that_is_new_and_one_that_went_are_days_that_changed(stars, publish, served):
    publish()
    stars.execute("INSERT INTO stars VALUES ('new', DATE '2024-07-01', 1)")
    stars.execute("DELETE FROM stars WHERE day = DATE '2024-05-01'")

    assert publish() == ("incremental", 1)
    assert served() == 2


def test_what_changed_is_told_as_data(stars, publish, postgres):
    publish()
    stars.execute("DELETE FROM stars WHERE day = DATE '2024-05-01' AND repo = 'r1'")
    stars.execute("INSERT INTO stars VALUES ('new', DATE '2024-05-02', 1)")
    stars.execute("UPDATE stars SET stars = 0 WHERE day = DATE '2024-05-03' AND repo = 'r1'")

    publish()

    with psycopg.connect(postgres) as connection:
        told = connection.execute(
            "SELECT change, rows_added, rows_removed, rows_changed FROM _changes"
            " WHERE release_id = 'r2' AND table_name = 'stars'"
        ).fetchall()
    assert told == [("incremental", 1, 1, 1)]


def test_words_that_changed_move_no_rows(publish, served, stars):
    publish()
    said = wish(options={**BY_DAY})
    other = Wish(said.table, said.options, {**ABOUT, "owner": "you"})

    assert publish(other) == ("incremental", 0)
    assert served() == 2


def test_many_rows_that_changed_are_moved_with_all_others(stars, publish, served):
    publish()
    stars.execute("UPDATE stars SET stars = 0 WHERE day < DATE '2024-05-20'")

    assert publish() == ("incremental", 190)
    assert served() == 1


def test_a_reader_looks_into_few_tables_however_many_releases_there_were(stars, publish, served):
    publish()
    seen = []
    for day in DAYS[:12]:
        stars.execute("UPDATE stars SET stars = -1 WHERE day = ? AND repo = 'r1'", [day])
        publish()
        seen.append(served())

    assert seen == [2, 3, 4, 5, 6, 7, 8, 2, 3, 4, 5, 6]


def test_a_rollback_serves_the_pieces_of_before_and_moves_no_row(
    stars, publish, served, stores, quiet, warehouse, postgres
):
    publish()
    before = stars.execute("FROM stars ORDER BY repo, day").fetchall()
    stars.execute("UPDATE stars SET stars = 0 WHERE day = DATE '2024-05-03'")
    publish()
    stars.execute("UPDATE stars SET stars = 1 WHERE day = DATE '2024-05-03'")
    publish()
    there = tables(postgres)

    rollback(warehouse, stores, quiet, "r1")

    with psycopg.connect(postgres) as connection:
        assert connection.execute("SELECT * FROM stars ORDER BY repo, day").fetchall() == before
    assert tables(postgres) == there
    assert publish(again=True) == ("incremental", 10)
    assert served() == 3
    assert tables(postgres) == there


def test_verify_reads_all_pieces_and_names_a_row_that_changed(stars, publish, stores, postgres):
    publish()
    stars.execute("UPDATE stars SET stars = 0 WHERE day = DATE '2024-05-03'")
    publish()
    assert drifted(stores)[1] == []
    largest = max(tables(postgres).items(), key=lambda each: each[1])[0]

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            f"UPDATE store.\"{largest}\" SET stars = 7 WHERE repo = 'r1' AND day = '2024-05-09'"
        )

    assert [line.split(":")[:2] for line in drifted(stores)[1]] == [["postgres", " stars"]]


def test_a_grain_that_repeats_on_a_day_that_changed_blocks(stars, publish, served):
    publish()
    stars.execute("INSERT INTO stars VALUES ('r1', DATE '2024-05-03', 5)")

    with pytest.raises(ReleaseBlocked, match=r"its grain \(repo, day\) is not unique"):
        publish()


def test_a_day_that_is_not_known_blocks(stars, publish):
    publish()
    stars.execute("INSERT INTO stars VALUES ('r1', NULL, 5)")

    with pytest.raises(ReleaseBlocked, match=r"its grain \(repo, day\) is not unique"):
        publish()


def test_another_shape_is_moved_whole(stars, publish, served):
    publish()
    options = {**BY_DAY, "postgres": {"partition_by": "day"}}

    assert publish(wish(options=options)) == ("full", 400)
    assert served() == 1


@pytest.mark.parametrize(
    ("column", "grain"), [("repo", ("repo", "day")), ("day", ("repo",)), ("no", ("repo", "day"))]
)
def test_a_column_that_has_no_days_is_one_clear_line(publish, column, grain):
    with pytest.raises(NotByDay) as caught:
        publish(wish(options={"postgres": {"partition_by": column}}, grain=grain))

    assert str(caught.value) == (
        f"stars: publish.postgres.partition_by: {column!r} is no DATE of the model's grain; name one"
        " that is, or leave it out"
    )


def test_only_days_that_were_built_since_are_read(stars, publish, served):
    """A day that nobody says was built is not read again, so what changed on it is not found."""
    builds = {"first": Span(DAYS[0], DAYS[-1])}
    publish(wish(Builds("day", builds)))
    stars.execute("UPDATE stars SET stars = 0 WHERE day = '2024-05-03'")

    assert publish(wish(Builds("day", builds))) == ("unchanged", 400)
    builds["second"] = Span(DAYS[2], DAYS[3])
    assert publish(wish(Builds("day", builds))) == ("incremental", 10)
    assert served() == 2


def test_what_changed_without_a_build_is_found_by_reading_back_and_read_by_the_next_release(
    stars, publish, served
):
    builds = {"first": Span(DAYS[0], DAYS[-1])}
    publish(wish(Builds("day", builds)))
    stars.execute("UPDATE stars SET stars = 0 WHERE day IN ('2024-05-03', '2024-05-09')")
    builds["second"] = Span(DAYS[2], DAYS[2])

    with pytest.raises(Mismatch):
        publish(wish(Builds("day", builds)))

    assert publish(wish(Builds("day", builds)))[0] in ("incremental", "full")
    served()


def test_a_table_that_was_built_again_whole_is_read_whole(stars, publish):
    publish(wish(Builds(None, {"first": None})))
    stars.execute("UPDATE stars SET stars = 0 WHERE day = '2024-05-03'")

    assert publish(wish(Builds(None, {"first": None}))) == ("unchanged", 400)
    assert publish(wish(Builds(None, {"first": None, "second": None}))) == ("incremental", 10)


def test_a_table_whose_builds_nobody_knows_is_read_whole(stars, publish):
    publish()
    stars.execute("UPDATE stars SET stars = 0 WHERE day = '2024-05-03'")

    assert publish() == ("incremental", 10)


def test_a_warehouse_that_is_new_moves_all(stars, publish, served):
    publish()
    stars.execute("DROP TABLE raw._measured; DROP TABLE raw._measured_days")
    stars.execute("UPDATE stars SET stars = 0 WHERE day = '2024-05-03'")

    assert publish() == ("full", 400)
    assert served() == 1
