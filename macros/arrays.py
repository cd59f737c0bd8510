"""One rule, one place: how the elements of an array become rows."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlmesh import macro

from macros.engines import dialect_of


@macro()
def unnested(
    evaluator: Any, table: exp.Expression, array: exp.Expression, element: exp.Expression
) -> exp.Expression:
    """Return a table with a row an element of an array: the columns of ``table``, and ``element``.

    A row whose array is empty or NULL has none.
    """
    name, column, row = (each.sql(dialect="bigquery") for each in (table, array, element))
    if dialect_of(evaluator) == "duckdb":
        # DuckDB joins what is unnested beside a table back to its rows: four times the work.
        # By a name that SQLGlot does not know, which would write the join in its place.
        rows = exp.alias_(exp.Anonymous(this="UNNEST", expressions=[array.copy()]), row)
        return exp.select("*", rows).from_(name, dialect="bigquery").subquery()
    query = (
        f"SELECT source.*, {row} FROM {name} AS source CROSS JOIN UNNEST(source.{column}) AS {row}"
    )
    return exp.Subquery(this=sqlglot.parse_one(query, dialect="bigquery"))
