"""Releases of tables that the embedded engine does not have: here, those of another DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import duckdb
import psycopg
import pytest

from oso_processors.days import Span
from oso_processors.errors import ReleaseBlocked
from oso_processors.release import Request, Wish, release
from oso_processors.release.measurements import measure
from oso_processors.stores.files import FilesStore
from oso_processors.stores.postgres import PostgresStore
from oso_processors.tables import Column, DayRow, Table

COLUMNS = (
    Column("repo", "VARCHAR", "The repository."),
    Column("day", "DATE", "The day."),
    Column("stars", "BIGINT", "How many."),
)
ABOUT = {"owner": "me", "tier": "preview", "licence": "CC0-1.0"}
BY_DAY = {"files": {}, "postgres": {"partition_by": "day"}}


@dataclass
class Another:
    """A DuckDB of its own, and which queries' rows were brought from it."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    brought: list[str] = field(default_factory=list)

    def days(self, table: Table, column: str | None, chosen: Sequence[Span]) -> list[DayRow]:
        found = measure(self.connection, replace(table, elsewhere=None), column)
        return [
            (e.day, e.row_count, e.first, e.second, e.byte_count, e.nul_count)
            for e in found
            if not chosen or (e.day and any(e.day in span for span in chosen))
        ]

    def is_unique(self, query: str, grain: Sequence[str]) -> bool:
        keys = ", ".join(grain)
        found = f"SELECT 1 FROM ({query}) GROUP BY {keys} HAVING count(*) > 1"
        return not self.connection.execute(found).fetchall()

    def here(self, table: Table, query: str) -> str:
        path = self.folder / f"{len(self.brought)}.parquet"
        self.brought.append(query)
        self.connection.execute(f"COPY ({query}) TO '{path}'")
        return f"SELECT * FROM read_parquet('{path}')"


@pytest.fixture
def another(tmp_path):
    """Ten repositories on each of forty days, in an engine that is not the embedded one."""
    (tmp_path / "brought").mkdir()
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE stars AS SELECT 'r' || i AS repo, (DATE '2024-05-01' + d::INT) AS day,"
            " i + d AS stars FROM range(10) r(i), range(40) t(d)"
        )
        yield Another(connection, tmp_path / "brought")


@pytest.fixture
def publish(warehouse, another, tmp_path, postgres, quiet):
    """Release `stars` in files and Postgres; return its step, and how many queries were brought here."""
    words, query = "One row is a repository on a day.", "SELECT repo, day, stars FROM stars"
    with closing(PostgresStore(postgres)) as store:
        stores = [FilesStore(tmp_path / "releases"), store]

        def make() -> tuple[str, int, int]:
            table = Table("stars", "m.stars", query, COLUMNS, ("repo", "day"), words, "1")
            table, before = replace(table, elsewhere=another), len(another.brought)
            asked = Request(keep={"all": timedelta(days=7)})
            wish = Wish(table, BY_DAY, ABOUT)
            (step,) = release(warehouse, [wish], stores, {}, quiet, asked).plan.steps
            return step.kind, step.row_count, len(another.brought) - before

        yield make


def readers_see(postgres: str, tmp_path: Path, another: Another) -> bool:
    """Say whether readers of both stores see what the other engine holds."""
    wanted = another.connection.execute("FROM stars ORDER BY repo, day").fetchall()
    with psycopg.connect(postgres) as connection:
        served = connection.execute("SELECT * FROM stars ORDER BY repo, day").fetchall()
    newest = max((tmp_path / "releases").glob("r*"), key=lambda path: int(path.name[1:]))
    files = duckdb.sql(f"FROM '{newest}/stars/*.parquet' ORDER BY repo, day").fetchall()
    return served == wanted == files


def test_a_table_that_lies_elsewhere_is_in_every_store(publish, postgres, tmp_path, another):
    assert publish()[:2] == ("new", 400)

    assert readers_see(postgres, tmp_path, another)


def test_of_what_did_not_change_nothing_is_brought_here(publish):
    publish()

    assert publish() == ("unchanged", 400, 0)


def test_of_a_day_that_changed_no_other_month_is_brought_here(publish, postgres, tmp_path, another):
    publish()
    another.connection.execute("UPDATE stars SET stars = 0 WHERE day = DATE '2024-05-03'")
    whole = len(another.brought)

    assert publish()[:2] == ("incremental", 10)

    assert readers_see(postgres, tmp_path, another)
    ends = "SELECT min(day)::VARCHAR, max(day)::VARCHAR FROM"
    brought = {
        another.connection.execute(f"{ends} ({e})").fetchone() for e in another.brought[whole:]
    }
    # For what changed and for Postgres, and for the file of the month.
    assert brought == {("2024-05-03", "2024-05-03"), ("2024-05-01", "2024-05-31")}


def test_a_grain_that_is_not_unique_elsewhere_blocks(publish, another):
    another.connection.execute("INSERT INTO stars FROM stars LIMIT 1")

    with pytest.raises(ReleaseBlocked, match=r"stars: its grain \(repo, day\) is not unique"):
        publish()
