"""One rule, one place: how a decimal is written, and how a share or a ratio is rounded.

In whole numbers throughout, since engines divide decimals differently.
"""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlmesh import macro

from macros.engines import dialect_of


@macro()
def decimal(evaluator: Any, value: exp.Expression) -> exp.Expression:
    """Return ``value`` as a decimal of 38 digits, nine of them after the point.

    Text must be plain digits: the engines read ``5E-10`` and ``1_000`` each in its own way.
    """
    return sqlglot.parse_one(numeric(evaluator, value.sql(dialect="bigquery")), dialect="bigquery")


@macro()
def ratio(evaluator: Any, part: exp.Expression, whole: exp.Expression) -> exp.Expression:
    """Return ``part / whole`` of two integers, to nine digits; NULL when ``whole`` is 0.

    A part beyond 9 223 372 036 is too large, and fails.
    """
    top, bottom = (f"CAST({each.sql(dialect='bigquery')} AS INT64)" for each in (part, whole))
    return sqlglot.parse_one(
        nine_digits(evaluator, half_even(f"({top} * 1000000000)", bottom)), dialect="bigquery"
    )


@macro()
def covered(
    evaluator: Any,
    history_share: exp.Expression,
    coverage_with_history: exp.Expression,
    coverage: exp.Expression,
) -> exp.Expression:
    """Return the coverage of a value, 0 to 1.

    The two coverages are mixed by the share of an entity's artifacts whose git history was collected.
    """
    # By way of a float, which is exact enough by far for nine digits, and thirty times as fast.
    share, beside, alone = (
        f"CAST(ROUND(CAST({each.sql(dialect='bigquery')} AS FLOAT64) * 1000000000) AS INT64)"
        for each in (history_share, coverage_with_history, coverage)
    )
    total = f"({share} * {beside} + (1000000000 - {share}) * {alone})"
    mixed = nine_digits(evaluator, half_even(total, "1000000000"))
    every, one, other = (
        each.sql(dialect="bigquery") for each in (history_share, coverage_with_history, coverage)
    )
    # Most entities have all histories or none, and most metrics are told as well without one:
    # the arithmetic is ten times the rest of a row's work.
    return sqlglot.parse_one(
        f"CASE WHEN {every} = 0 OR {one} = {other} THEN {other}"
        f" WHEN {every} = 1 THEN {one} ELSE {mixed} END",
        dialect="bigquery",
    )


def half_even(top: str, bottom: str) -> str:
    """Return the SQL of ``top / bottom``, rounded half to even, of two whole numbers."""
    divisor = f"NULLIF({bottom}, 0)"
    quotient = f"DIV({top}, {divisor})"
    # In this order: SQLGlot writes `2 * MOD(a, b)` for DuckDB as `2 * a % b`.
    twice_left, whole = f"(ABS(MOD({top}, {divisor})) * 2)", f"ABS({bottom})"
    is_far = f"({twice_left} > {whole} OR ({twice_left} = {whole} AND MOD({quotient}, 2) <> 0))"
    # DIV cuts towards zero, so that the step is away from it.
    step = f"IF(({top} < 0) = ({bottom} < 0), 1, -1)"
    return f"({quotient} + IF({is_far}, {step}, 0))"


def nine_digits(evaluator: Any, billionths: str) -> str:
    """Return the SQL of a whole number of billionths as a decimal."""
    # With fewer digits than 38 the product has nine after the point at once. Else it had 18, and DuckDB takes
    # a microsecond a row to cut nine of them off.
    one = numeric(evaluator, "'0.000000001'", "10, 9")
    return f"({numeric(evaluator, billionths, '19, 0')} * {one})"


def numeric(evaluator: Any, value: str, digits: str = "38, 9") -> str:
    """Return the SQL that casts ``value`` to a decimal, as the engine at hand wants it written; NULL for what is none.

    BigQuery's NUMERIC has nine digits after the point, and it refuses a precision in a cast;
    DuckDB's has three unless it is told. SAFE_CAST, since SQLMesh drops the precision of a CAST.
    """
    precision = "" if dialect_of(evaluator) == "bigquery" else f"({digits})"
    return f"SAFE_CAST({value} AS NUMERIC{precision})"
