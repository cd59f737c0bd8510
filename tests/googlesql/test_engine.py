"""GoogleSQL in this process: columns, rows, values, and what it refuses."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from oso_processors.errors import NotEvaluable, QueryFailed, QueryRefused
from oso_processors.googlesql import Content, Kind

NUMBERS = {"staging.numbers": Content({"a": "INT64", "b": "STRING"}, [(1, "x"), (2, None)])}
COLUMNS = {name: table.columns for name, table in NUMBERS.items()}


def test_a_query_has_the_columns_that_bigquery_gives_it(engine):
    columns = engine.analyze(
        "SELECT a + 1 AS c, [STRUCT(b AS d, CAST(1 AS NUMERIC) AS e)] AS f FROM staging.numbers",
        COLUMNS,
    )

    assert [str(each) for each in columns] == [
        "c INT64",
        "f ARRAY<STRUCT<d STRING, e NUMERIC>>",
    ]


@pytest.mark.parametrize(
    "table", ["staging.numbers", "`staging.numbers`", "`staging`.`numbers`", "staging.numbers AS n"]
)
def test_a_table_is_named_as_people_name_it(engine, table):
    result = engine.execute(f"SELECT a FROM {table} WHERE b IS NULL", NUMBERS)

    assert result.rows == [(2,)]


def test_a_table_is_known_by_its_last_name(engine):
    result = engine.execute("SELECT numbers.a FROM staging.numbers ORDER BY 1", NUMBERS)

    assert result.rows == [(1,), (2,)]


def test_tables_of_several_schemas_are_joined(engine):
    tables = {
        "one.t": Content({"a": "INT64"}, [(1,)]),
        "oso.two.t": Content({"a": "INT64"}, [(1,)]),
    }

    result = engine.execute("SELECT x.a, y.a FROM one.t AS x JOIN oso.two.t AS y USING (a)", tables)

    assert result.rows == [(1, 1)]


def test_every_value_comes_back_as_it_was(engine):
    columns = {
        "i": "INT64",
        "n": "NUMERIC(38, 9)",
        "bn": "BIGNUMERIC",
        "b": "BOOL",
        "s": "STRING",
        "y": "BYTES",
        "d": "DATE",
        "t": "TIMESTAMP",
        "dt": "DATETIME",
        "ti": "TIME",
        "f": "FLOAT64",
        "j": "JSON",
        "a": "ARRAY<STRUCT<x INT64, y ARRAY<STRING>>>",
        "st": "STRUCT<p DATE, q BOOL>",
    }
    values = (
        -(2**63),
        Decimal("-29999999999999999999999999999.999999999"),
        Decimal("12345678901234567890.123"),
        False,
        "ü\x1fñ",
        b"\xff\x00",
        date(1, 1, 1),
        datetime(1960, 1, 1, 1, 2, 3, 999999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999),
        time(23, 59, 59, 1),
        -1.5,
        '{"a":[1]}',
        [{"x": 1, "y": ["a", "b"]}, {"x": None, "y": []}],
        {"p": date(2024, 2, 29), "q": None},
    )
    nulls = (None,) * len(columns)

    result = engine.execute("SELECT * FROM s.t", {"s.t": Content(columns, [values, nulls])})

    assert result.rows == [values, nulls]
    assert {each.name: each.kind for each in result.columns} == {
        name: Kind.parse(kind) for name, kind in columns.items()
    }


@pytest.mark.parametrize(
    ("kind", "value"), [("NUMERIC", Decimal("0.0000000001")), ("INT64", "x"), ("GEOGRAPHY", "x")]
)
def test_a_value_that_its_type_cannot_hold_is_refused(engine, kind, value):
    with pytest.raises((ValueError, TypeError)):
        engine.execute("SELECT a FROM s.t", {"s.t": Content({"a": kind}, [(value,)])})


def test_a_refusal_tells_the_line_and_the_column(engine):
    with pytest.raises(QueryRefused, match=r"^Unrecognized name: c") as caught:
        engine.execute("SELECT\n  a,\n  c\nFROM staging.numbers", NUMBERS)

    assert (caught.value.line, caught.value.column) == (3, 3)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'a' || 1",
        "SELECT 'a' 'b'",
        "SELECT a AS x, x + 1 AS y FROM staging.numbers",
        "SELECT ARRAY_TRANSFORM([1], e -> e + 1)",
        "SELECT SUM(a) FILTER (WHERE a > 1) FROM staging.numbers",
        "SELECT CAST(1 AS FLOAT32)",
        "SELECT CAST(1 AS INT32)",
        "SELECT CAST('x' AS UUID)",
        "SELECT 1::INT64",
        "SELECT",
    ],
)
def test_what_bigquery_does_not_know_is_refused(engine, query):
    with pytest.raises(QueryRefused):
        engine.analyze(query, COLUMNS)


@pytest.mark.parametrize(
    "query", ["SELECT 1 / 0", "SELECT 9223372036854775807 + a FROM staging.numbers"]
)
def test_a_query_that_fails_on_its_rows_is_told_from_a_wrong_one(engine, query):
    with pytest.raises(QueryFailed):
        engine.execute(query, NUMBERS)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT APPROX_COUNT_DISTINCT(a) FROM staging.numbers",
        "SELECT ST_GEOGPOINT(1, 2)",
        "SELECT NET.REG_DOMAIN('a.b')",
    ],
)
def test_what_the_evaluator_cannot_do_is_never_a_result(engine, query):
    with pytest.raises(NotEvaluable):
        engine.execute(query, NUMBERS)


def test_what_only_bigquery_can_execute_is_analysed(engine):
    columns = engine.analyze("SELECT ST_GEOGPOINT(1, 2) AS place, SESSION_USER() AS me", {})

    assert [str(each) for each in columns] == ["place GEOGRAPHY", "me STRING"]


def test_an_abort_leaves_the_engine_in_use(engine):
    with pytest.raises(NotEvaluable, match="GoogleSQL aborted"):
        engine.execute("SELECT NET.REG_DOMAIN('http://a.co.uk')", {})

    assert engine.execute("SELECT a FROM staging.numbers WHERE a = 1", NUMBERS).rows == [(1,)]
    assert [str(each) for each in engine.analyze("SELECT a FROM staging.numbers", COLUMNS)] == [
        "a INT64"
    ]
