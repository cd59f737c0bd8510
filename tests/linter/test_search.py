"""Idioms are found wherever they can hide."""

from __future__ import annotations

import pytest
from sqlmesh.core.linter.rule import Position
from sqlmesh.core.model import create_external_model

from linter.search import find


def names(model):
    return [each.idiom.name for each in find(model)]


def test_a_finding_says_what_why_what_to_write_and_where(model_of):
    model = model_of("SELECT\n  1 AS a,\n  EXTRACT(DAYOFWEEK FROM t.day) AS v\nFROM s.t AS t")

    [found] = find(model)

    assert str(found) == (
        "EXTRACT(DAYOFWEEK FROM …): Sunday is 0 on DuckDB, 1 on BigQuery;"
        " write `MOD(DATE_DIFF(d, DATE '2023-12-31', DAY), 7) + 1`"
        " (in EXTRACT(DAYOFWEEK FROM t.day))"
    )
    assert found.place is not None
    assert found.place.start == Position(line=3, character=25)


@pytest.mark.parametrize(
    "kind", ["NUMERIC", "BIGNUMERIC", "DECIMAL", "ARRAY<NUMERIC>", "ARRAY<STRUCT<a NUMERIC>>"]
)
def test_a_bare_numeric_in_the_header_is_found(kind, model_of):
    model = model_of("SELECT t.a FROM s.t AS t", f", columns (a {kind}, b NUMERIC(38, 9))")

    assert [(each.idiom.name, each.found) for each in find(model)] == [("BareNumeric", "column a")]


def test_a_bare_numeric_of_an_external_model_is_found():
    model = create_external_model(
        "s.t", columns={"a": "NUMERIC", "b": "NUMERIC(38, 9)"}, dialect="bigquery"
    )

    assert names(model) == ["BareNumeric"]


def test_an_idiom_in_the_argument_of_a_macro_is_found(model_of):
    model = model_of(
        "SELECT @ratio(t.a, APPROX_COUNT_DISTINCT(t.b)) AS v FROM s.t AS t GROUP BY t.a"
    )

    assert names(model) == ["ApproximateAggregate"]


def test_an_idiom_that_only_a_macro_writes_is_found(model_of):
    model = model_of("SELECT @SQL('SHA512(\"a\")') AS v")

    assert names(model) == ["Sha512"]


def test_an_idiom_that_only_types_show_is_found(model_of):
    model = model_of(
        "SELECT t.a - t.b AS v FROM (SELECT CURRENT_DATE() AS a, CURRENT_DATE() AS b) AS t"
    )

    assert names(model) == ["DateMinusDate"]


def test_an_idiom_in_an_audits_argument_is_found(model_of):
    model = model_of(
        "SELECT t.a, t.b FROM s.t AS t", ", audits (forall(criteria := (DIV(a, b) > 1)))"
    )

    assert names(model) == ["DivisionByZero"]


def test_an_idiom_in_a_statement_before_the_query_is_found(model_of):
    model = model_of("CREATE TEMP TABLE x AS SELECT SHA512('a') AS v;\nSELECT t.a FROM s.t AS t")

    assert names(model) == ["Sha512"]


@pytest.mark.parametrize(
    "expression",
    [
        "CAST(COALESCE(DATE_ADD(t.d, INTERVAL 1 DAY), t.e) AS DATE)",
        "t.e < DATE_ADD(t.d, INTERVAL 1 DAY)",
        "DATE_DIFF(t.e, DATE_TRUNC(t.d, MONTH), DAY)",
        "CAST(DATE_ADD(DATE_TRUNC(t.d, MONTH), INTERVAL 1 MONTH) AS DATE)",
        "CAST(MAX(DATE_TRUNC(t.d, MONTH)) AS DATE)",
        "FORMAT_DATE('%F', DATE_ADD(t.d, INTERVAL 1 DAY))",
    ],
)
def test_a_day_may_go_through_what_makes_it_a_date_or_needs_none(expression, model_of):
    model = model_of(f"SELECT {expression} AS v FROM s.t AS t")

    assert find(model) == []


@pytest.mark.parametrize("divisor", ["7", "NULLIF(t.b, 0)", "(NULLIF(t.b, 0))"])
def test_a_divisor_that_cannot_be_0_is_no_danger(divisor, model_of):
    model = model_of(f"SELECT DIV(t.a, {divisor}) AS v FROM s.t AS t")

    assert find(model) == []
