"""Days as spans."""

from __future__ import annotations

from datetime import date

import duckdb

from oso_processors.days import Span, spans, union, within

MAY = [date(2024, 5, day) for day in range(1, 32)]


def test_days_in_a_row_are_one_span():
    assert spans([MAY[2], MAY[0], MAY[1], MAY[4]]) == (Span(MAY[0], MAY[2]), Span(MAY[4], MAY[4]))


def test_spans_that_touch_or_overlap_are_one():
    assert union([Span(MAY[4], MAY[6]), Span(MAY[0], MAY[3]), Span(MAY[1], MAY[2])]) == (
        Span(MAY[0], MAY[6]),
    )


def test_the_condition_chooses_the_days_and_no_other():
    chosen = within([Span(MAY[0], MAY[1]), Span(MAY[4], MAY[4])], "day")

    found = duckdb.sql(
        "SELECT day(day) FROM (SELECT unnest(range(DATE '2024-05-01', DATE '2024-06-01',"
        f" INTERVAL 1 DAY))::DATE AS day) WHERE {chosen} ORDER BY 1"
    ).fetchall()

    assert found == [(1,), (2,), (5,)]


def test_no_span_chooses_nothing():
    assert duckdb.sql(f"SELECT {within([], 'day')}").fetchall() == [(False,)]
