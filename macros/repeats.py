"""One rule, one place: which of the rows that tell of the same thing is kept."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlmesh import macro

from macros.engines import dialect_of


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
    same, ordered = _listed(keys), _listed(order)
    first = f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {same} ORDER BY {ordered}) = 1"
    text = f"SELECT * FROM {name} WHERE {held} {first}"
    if dialect_of(evaluator) == "duckdb":
        # A window holds all columns of all rows, but few rows stand twice: only those go through one, and
        # those few that share their keys' hash by chance.
        text = f"""
            WITH repeated AS (
              SELECT HASH({same}) AS fingerprint FROM {name} WHERE {held}
              GROUP BY HASH({same}) HAVING COUNT(*) > 1
            )
            SELECT * FROM {name}
            WHERE {held} AND NOT HASH({same}) IN (SELECT repeated.fingerprint FROM repeated)
            UNION ALL
            SELECT * FROM {name}
            WHERE {held} AND HASH({same}) IN (SELECT repeated.fingerprint FROM repeated) {first}
        """
    return exp.Subquery(this=sqlglot.parse_one(text, dialect="bigquery"))


def _listed(expressions: exp.Expression) -> str:
    """Return the SQL of ``(a, b)`` or of one alone, with commas between."""
    parts = (
        expressions.expressions if isinstance(expressions, exp.Tuple) else [expressions.unnest()]
    )
    return ", ".join(each.sql(dialect="bigquery") for each in parts)
