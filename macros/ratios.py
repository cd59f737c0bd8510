"""One rule, one place: how a share or a ratio is rounded.

In whole numbers throughout, since engines divide decimals differently.
"""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlmesh import macro


@macro()
def ratio(evaluator: Any, part: exp.Expression, whole: exp.Expression) -> exp.Expression:
    """Return ``part / whole`` of two integers, to nine digits; NULL when ``whole`` is 0."""
    top, bottom = (f"CAST({each.sql(dialect='bigquery')} AS INT64)" for each in (part, whole))
    return sqlglot.parse_one(
        nine_digits(half_even(f"({top} * 1000000000)", bottom)), dialect="bigquery"
    )


@macro()
def covered(
    evaluator: Any, basis: exp.Expression, history_share: exp.Expression, hour_share: exp.Expression
) -> exp.Expression:
    """Return the coverage of a value, 0 to 1.

    What is counted from commits is whole for the share of an entity's artifacts whose git history
    was collected, and as complete as the hours of events for the rest.
    """
    basis_sql, share, hours = (
        each.sql(dialect="bigquery") for each in (basis, history_share, hour_share)
    )
    whole, part = (f"CAST({each} * 1000000000 AS INT64)" for each in (share, hours))
    total = f"({whole} * 1000000000 + (1000000000 - {whole}) * {part})"
    combined = nine_digits(half_even(total, "1000000000"))
    return sqlglot.parse_one(
        f"IF({basis_sql} = 'commits', {combined}, {hours})", dialect="bigquery"
    )


def half_even(top: str, bottom: str) -> str:
    """Return the SQL of ``top / bottom``, rounded half to even, of two whole numbers."""
    quotient = f"DIV({top}, NULLIF({bottom}, 0))"
    twice_left = f"(2 * MOD({top}, NULLIF({bottom}, 0)))"
    is_up = f"({twice_left} > {bottom} OR ({twice_left} = {bottom} AND MOD({quotient}, 2) = 1))"
    return f"({quotient} + IF({is_up}, 1, 0))"


def nine_digits(billionths: str) -> str:
    """Return the SQL of a whole number of billionths as a decimal."""
    # SAFE_CAST, since a plain cast loses its precision when SQLMesh renders macros.
    number = f"SAFE_CAST({billionths} AS NUMERIC(38, 9))"
    return f"({number} * SAFE_CAST('0.000000001' AS NUMERIC(38, 9)))"
