"""One rule, one place: how a percentile is taken."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlmesh import macro
from sqlmesh.utils.errors import MacroEvalError

from macros.engines import dialect_of

PERCENTS = tuple(map(str, range(1, 101)))


@macro()
def percentile(evaluator: Any, value: exp.Expression, percent: exp.Expression) -> exp.Expression:
    """Return the ``percent``-th percentile of the group's values, by the nearest-rank method.

    The smallest value that at least so many percent of the values do not exceed: always one of
    them, and exact. NULLs are no values; NULL when there is none. ``percent`` is 1 to 100, written out.
    """
    if percent.sql() not in PERCENTS:
        raise MacroEvalError(f"{percent.sql()} is no percentile; write a whole number, 1 to 100")
    values = value.sql(dialect="bigquery")
    if dialect_of(evaluator) == "duckdb":
        # Arrays of millions of groups fit no memory; eight bytes a value do. A decimal share is exact.
        return sqlglot.parse_one(
            f"QUANTILE_DISC({values}, {int(percent.name) / 100:.2f})", dialect="bigquery"
        )
    rank = f"DIV((COUNT({values}) * {percent.name} + 99), 100)"
    # NULLs come first in the array.
    place = f"COUNT(*) - COUNT({values}) + {rank} - 1"
    return sqlglot.parse_one(
        f"ARRAY_AGG({values} ORDER BY {values})[SAFE_OFFSET({place})]", dialect="bigquery"
    )
