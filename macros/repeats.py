"""One rule, one place: which of the rows that tell of the same thing is kept."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlmesh import macro

from macros.engines import dialect_of
from macros.ids import fingerprint, listed


@macro()
def deduplicated(
    evaluator: Any,
    table: exp.Expression,
    keys: exp.Expression,
    order: exp.Expression,
    condition: exp.Expression,
) -> exp.Expression:
    """Return the rows of ``table`` for which ``condition`` holds, of those with the same ``keys`` the first.

    NULLs are the same. Which is the first goes by ``order``; rows that it does not tell apart must be equal.
    """
    name, held = table.sql(dialect="bigquery"), condition.sql(dialect="bigquery")
    first = f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {listed(keys)} ORDER BY {listed(order)}) = 1"
    text = f"SELECT * FROM {name} WHERE {held} {first}"
    if dialect_of(evaluator) == "duckdb":
        # A window holds all columns of all rows, but few rows stand twice: only those go through one, and
        # those few that share their keys' fingerprint by chance.
        mark = fingerprint(evaluator, keys).sql(dialect="bigquery")
        text = f"""
            WITH repeated AS (
              SELECT {mark} AS mark FROM {name} WHERE {held}
              GROUP BY {mark} HAVING COUNT(*) > 1
            )
            SELECT * FROM {name}
            WHERE {held} AND NOT {mark} IN (SELECT repeated.mark FROM repeated)
            UNION ALL
            SELECT * FROM {name}
            WHERE {held} AND {mark} IN (SELECT repeated.mark FROM repeated) {first}
        """
    return exp.Subquery(this=sqlglot.parse_one(text, dialect="bigquery"))
