"""A unit test's rows, as YAML gives them, against what GoogleSQL gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from oso_processors.check.evaluation import Verdict, evaluate
from oso_processors.googlesql import Engine

TABLES = {
    "s.t": {
        "id": "INT64",
        "share": "NUMERIC(38, 9)",
        "ratio": "FLOAT64",
        "seen_at": "TIMESTAMP",
        "day": "DATE",
        "tags": "ARRAY<STRUCT<name STRING, is_old BOOL>>",
        "data": "JSON",
    }
}


@dataclass
class Written:
    """What `evaluate` reads of a `UnitTest`, whose module needs SQLMesh."""

    query: str
    inputs: dict[str, list[dict[str, Any]]]
    expected: list[dict[str, Any]] | None
    is_partial: bool = False
    name: str = "test_it"
    model: str = "s.m"
    path: Path = field(default_factory=Path)


def verdict(engine: Engine, query: str, rows: Any, expected: Any, **options: Any) -> Verdict:
    return evaluate(engine, TABLES, Written(query, {"s.t": rows}, expected, **options))


@pytest.mark.parametrize(
    ("column", "written", "meant"),
    [
        ("share", 0.1, 0.1),
        ("share", 1, "1.000000000"),
        ("ratio", 1, 1.0),
        ("ratio", 0.1 + 0.2, 0.3),
        ("seen_at", date(2024, 5, 1), datetime(2024, 5, 1, tzinfo=UTC)),
        ("seen_at", datetime(2024, 5, 1, 2), "2024-05-01T02:00:00+00:00"),
        (
            "seen_at",
            datetime(2024, 5, 1, 2),
            datetime(2024, 5, 1, 4, tzinfo=timezone(timedelta(hours=2))),
        ),
        ("day", datetime(2024, 5, 1), "2024-05-01"),
        ("tags", [{"name": "a", "is_old": True}], [{"is_old": True, "name": "a"}]),
        ("tags", [{"name": "a"}], [{"name": "a", "is_old": None}]),
        ("data", {"a": [1]}, '{"a":[1]}'),
        ("day", None, None),
    ],
)
def test_a_value_of_yaml_means_what_its_column_says(engine, column, written, meant):
    query = f"SELECT {column} FROM s.t"

    assert verdict(engine, query, [{column: written}], [{column: meant}]) == Verdict()


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("id", "one", "id: 'one' is no INT64"),
        ("share", "x", "share: 'x' is no NUMERIC"),
        ("day", "May", "day: 'May' is no DATE"),
        (
            "tags",
            [{"is_old": 1}],
            "tags: [{'is_old': 1}] is no ARRAY<STRUCT<name STRING, is_old BOOL>>",
        ),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_told(engine, column, value, problem):
    assert verdict(engine, "SELECT id FROM s.t", [{column: value}], []) == Verdict(problem)


def test_rows_count_as_often_as_they_stand_and_in_no_order(engine):
    rows = [{"id": 1}, {"id": 2}, {"id": 1}]

    assert (
        verdict(engine, "SELECT id FROM s.t", rows, [{"id": 2}, {"id": 1}, {"id": 1}]) == Verdict()
    )
    assert verdict(engine, "SELECT id FROM s.t", rows, [{"id": 2}, {"id": 1}]).detail == (
        "unexpected: id=1"
    )


def test_a_column_that_is_left_out_is_null_unless_the_test_is_partial(engine):
    query, rows, expected = "SELECT id, day FROM s.t", [{"id": 1, "day": "2024-05-01"}], [{"id": 1}]

    assert verdict(engine, query, rows, expected).detail.splitlines() == [
        "missing: id=1, day=None",
        "unexpected: id=1, day=2024-05-01",
    ]
    assert verdict(engine, query, rows, expected, is_partial=True) == Verdict()


def test_many_rows_that_differ_are_shown_in_part(engine):
    said = verdict(engine, "SELECT id FROM s.t", [{"id": each} for each in range(9)], [])

    assert said.detail.splitlines()[-1] == "unexpected: 6 more"


def test_columns_that_are_not_there_are_told(engine):
    assert verdict(engine, "SELECT id FROM s.t", [{"idd": 1}], []) == Verdict(
        "an input has no column 'idd'"
    )
    assert verdict(engine, "SELECT id FROM s.t", [{"id": 1}], [{"idd": 1}]) == Verdict(
        "the test expects a column 'idd' that the query does not give"
    )


def test_a_query_that_fails_on_the_rows_is_told(engine):
    said = verdict(engine, "SELECT 1 / id AS x FROM s.t", [{"id": 0}], [{"x": 1}])

    assert said == Verdict("division by zero: 1 / 0")


def test_what_is_not_executed_is_no_pass(engine):
    other = verdict(engine, "SELECT APPROX_COUNT_DISTINCT(id) AS x FROM s.t", [], [{"x": 0}])

    assert other == Verdict(reason="Unsupported built-in function: approx_count_distinct")
    assert verdict(engine, "SELECT id FROM s.t", [], None).reason.startswith("it does not list")


def test_a_test_of_a_model_in_python_is_not_executed_and_says_so(engine):
    assert verdict(engine, "", [{"id": 1}], [{"id": 1}]) == Verdict(
        reason="its model is written in Python, which GoogleSQL does not execute"
    )
