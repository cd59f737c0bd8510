"""What BigQuery is asked of tables that lie in it, held to GoogleSQL: it finds what DuckDB finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from oso_processors.days import Span
from oso_processors.googlesql import Content
from oso_processors.release import measurements
from oso_processors.stores import bigquery_measuring
from tests.stores.conftest import COLUMNS, ROWS, table

FIRST, SECOND = date(2024, 5, 1), date(2024, 5, 2)
TYPES = ["STRING", "NUMERIC", "NUMERIC", "INT64", "BOOL", "DATE", "TIMESTAMP", "ARRAY<STRING>"]
# BigQuery keeps no NULL instead of a list.
HELD = [(*row[:-1], row[-1] or []) for row in ROWS]
NUL = [(6, "a\0b", None, None, None, None, SECOND, None, ["\0", "c"])]


@pytest.fixture
def held(warehouse):
    """A warehouse with every type, and texts with NUL characters."""
    typed = ", ".join(f'"{each.name}" {each.type}' for each in COLUMNS)
    warehouse.execute(f"CREATE TABLE everything ({typed})")
    warehouse.executemany(f"INSERT INTO everything VALUES ({', '.join('?' * 9)})", [*HELD, *NUL])
    return warehouse


@pytest.fixture
def content() -> dict[str, Content]:
    """The same for GoogleSQL."""
    types = {each.name: kind for each, kind in zip(COLUMNS, ["INT64", *TYPES], strict=True)}
    return {"everything": Content(types, [*HELD, *NUL])}


def found(rows) -> list[measurements.Day]:
    days = [measurements.Day(row[0], *(int(each or 0) for each in row[1:])) for row in rows]
    return sorted(days, key=lambda each: str(each.day))


@pytest.mark.parametrize("column", ["day", None])
def test_both_engines_measure_the_same_days(held, content, engine, column):
    query = bigquery_measuring.days(table(), column, ())

    there = engine.execute(query, content).rows

    here = measurements.measure(held, table(), column)
    assert found(there) == sorted(here, key=lambda each: str(each.day))
    assert sum(each.nul_count for each in here) == 2


def test_only_the_days_that_are_asked_for_are_measured(content, engine):
    query = bigquery_measuring.days(table(), "day", [Span(FIRST, SECOND)])

    assert {row[0] for row in engine.execute(query, content).rows} == {FIRST, SECOND}


def test_rows_come_without_nul_characters(content, engine):
    query = bigquery_measuring.rows(table(), "SELECT * FROM everything WHERE id > 5")

    [row] = engine.execute(query, content).rows

    assert (row[1], row[-1]) == ("ab", ["", "c"])


@pytest.mark.parametrize(("grain", "is_unique"), [(("id",), True), (("narrow",), False)])
def test_a_grain_is_unique_or_is_not(content, engine, grain, is_unique):
    source = f"({bigquery_measuring.said(table().query)})"

    [(answer,)] = engine.execute(bigquery_measuring.is_unique(source, grain), content).rows

    assert answer is is_unique


def test_a_query_over_an_older_version_is_said_in_bigquerys_sql(content, engine):
    cells = 'CAST("narrow" AS VARCHAR) AS "old", CAST(NULL AS DECIMAL(38,9)) AS "gone"'
    older = replace(table(), query=f'SELECT {cells} FROM (SELECT * FROM everything) WHERE "id" = 1')

    [row] = engine.execute(bigquery_measuring.said(older.query), content).rows

    assert row == ("1", None)
