"""The checksum is one number in DuckDB, in Postgres, in BigQuery and in plain Python."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from oso_processors import checksum
from oso_processors.errors import UnmappableType
from oso_processors.googlesql import Content
from oso_processors.stores.copying import copy
from oso_processors.tables import Column, Table

COLUMNS = (
    Column("word", "VARCHAR", ""),
    Column("count", "BIGINT", ""),
    Column("amount", "DECIMAL(38,9)", ""),
    Column("is_on", "BOOLEAN", ""),
    Column("day", "DATE", ""),
    Column("at", "TIMESTAMP WITH TIME ZONE", ""),
    Column("words", "VARCHAR[]", ""),
)
MOMENT = datetime(2024, 5, 1, 9, 30, 15, 123456, tzinfo=UTC)
EDGES = (
    "999999999.000000000",
    "-999999999.000000001",
    "999999999.999999999",
    "-1000000000.000000000",
)
ROWS = [
    ("a|b", 1, Decimal("0.500000000"), True, date(2024, 5, 1), MOMENT, ["x", "y"]),
    ("ünï “q” \\ 'z'", -(2**62), Decimal("-1.000000001"), False, date(1969, 12, 31), None, []),
    ("", 0, Decimal("99999999999999999999999999999.999999999"), None, None, None, [None, ""]),
    # About where a decimal of 18 digits ends.
    *(("edge", 0, Decimal(each), None, None, None, []) for each in EDGES),
    (None, None, None, None, None, None, None),
    (None, None, None, None, None, None, None),
    ("N", 0, Decimal("0E-9"), True, date(9999, 12, 31), datetime(1960, 1, 1, tzinfo=UTC), ["1:x"]),
]


def table(columns=COLUMNS, query="SELECT * FROM golden"):
    return Table("golden", "made", query, tuple(columns), ("word",), "", "")


@pytest.fixture
def golden(warehouse):
    typed = ", ".join(f'"{each.name}" {each.type}' for each in COLUMNS)
    warehouse.execute(f"CREATE TABLE golden ({typed})")
    warehouse.executemany(f"INSERT INTO golden VALUES ({', '.join('?' * len(COLUMNS))})", ROWS)
    return warehouse


def test_duckdb_agrees_with_the_definition(golden):
    found = golden.execute(checksum.duckdb_sql(table(), "golden")).fetchone()

    assert checksum.text(found) == checksum.of_rows(ROWS)


def test_postgres_agrees_with_the_definition(golden, postgres):
    types = "word text, count bigint, amount numeric(38,9), is_on boolean, day date, at timestamptz, words varchar[]"
    with psycopg.connect(postgres) as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        connection.execute(f"CREATE TABLE golden ({types})")
        copied = copy(golden, "SELECT * FROM golden", connection, psycopg.sql.Identifier("golden"))
        found = connection.execute(checksum.postgres_sql(table(), "golden")).fetchone()

    assert copied == len(ROWS)
    assert checksum.text(found) == checksum.of_rows(ROWS)


def test_bigquery_agrees_with_the_definition(engine):
    types = ["STRING", "INT64", "NUMERIC", "BOOL", "DATE", "TIMESTAMP", "ARRAY<STRING>"]
    columns = {each.name: kind for each, kind in zip(COLUMNS, types, strict=True)}
    query = checksum.bigquery_sql(table(), "golden")

    [found] = engine.execute(query, {"golden": Content(columns, ROWS)}).rows

    assert checksum.text(found) == checksum.of_rows(ROWS)


def test_the_definition_does_not_change():
    assert checksum.of_rows([("a", 1), (None, 2)]) == "2:685f5cbf3d69be0:149bf5441503a155"


def test_order_does_not_matter_and_repetition_does():
    assert checksum.of_rows(ROWS) == checksum.of_rows(ROWS[::-1])
    assert checksum.of_rows(ROWS) != checksum.of_rows([*ROWS, ROWS[0]])


def test_what_moves_from_one_column_to_the_next_is_seen():
    assert checksum.of_rows([("a", "bc")]) != checksum.of_rows([("ab", "c")])
    assert checksum.of_rows([("N",)]) != checksum.of_rows([(None,)])


@pytest.mark.parametrize("column_type", ["DOUBLE", "HUGEINT", "STRUCT(a INTEGER)", "TIMESTAMP"])
def test_a_type_that_no_two_stores_keep_alike_is_refused(column_type):
    columns = [Column("odd", column_type, "")]

    with pytest.raises(UnmappableType, match=r"golden: odd: .* cannot be published exactly"):
        checksum.duckdb_sql(table(columns), "golden")
