"""What depends on what, directly or through others, at the end of each month and now.

The transitive closure, step by step: each step is one common table expression that reads the one before
it once, so that neither engine repeats work. A chain that is longer than STEPS fails an audit.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlmesh import model
from sqlmesh.core.macros import MacroEvaluator

STEPS = 24
# The graph as it is now; no month ends then.
NOW = "CAST('9999-12-31' AS DATE)"
MONTHS = "SELECT graph_date FROM intermediate.dependency_dates WHERE bucket = 'monthly'"
EDGES = f"""
  SELECT
    months.graph_date,
    edges.dependent_id,
    edges.dependency_id,
    edges.is_direct
  FROM months
  JOIN intermediate.dependencies AS edges
    ON edges.since_date <= months.graph_date
    AND COALESCE(edges.until_date, {NOW}) > months.graph_date
  UNION ALL
  SELECT {NOW} AS graph_date, dependent_id, dependency_id, is_direct
  FROM intermediate.dependencies
  WHERE until_date IS NULL
"""
STEP = """
  SELECT graph_date, dependent_id, dependency_id FROM edges
  UNION DISTINCT
  SELECT reach.graph_date, reach.dependent_id, edges.dependency_id
  FROM {before} AS reach
  JOIN edges ON edges.graph_date = reach.graph_date AND edges.dependent_id = reach.dependency_id
"""


def columns(*names: str) -> exp.Tuple:
    """Return the names as an audit wants them."""
    return exp.Tuple(expressions=[exp.column(name) for name in names])


KEY = ("graph_date", "dependent_id", "dependency_id")


@model(
    "intermediate.dependency_reach",
    is_sql=True,
    kind="FULL",
    grain=list(KEY),
    description="One row is a package or repository that depends on a package at the end of a month, or now,"
    " itself or through others.",
    audits=[
        ("not_null", {"columns": columns(*KEY, "is_direct", "is_whole")}),
        ("unique_combination_of_columns", {"columns": columns(*KEY)}),
        ("forall", {"criteria": exp.Tuple(expressions=[exp.column("is_whole")])}),
    ],
    column_descriptions={
        "graph_date": "The month's last day; 9999-12-31 for now.",
        "dependent_id": "The package or repository that depends.",
        "dependency_id": "The package that it depends on.",
        "is_direct": "Whether it names that package itself.",
        "is_whole": "Whether no longer chain leads further; else STEPS is too small.",
    },
)
def dependency_reach(evaluator: MacroEvaluator) -> exp.Expression:
    tables = [
        f"months AS ({MONTHS})",
        f"edges AS ({EDGES})",
        f"reach_1 AS ({STEP.format(before='edges')})",
    ]
    tables += [
        f"reach_{step} AS ({STEP.format(before=f'reach_{step - 1}')})"
        for step in range(2, STEPS + 1)
    ]
    query = f"""
      WITH {", ".join(tables)}
      SELECT
        CAST(reach.graph_date AS DATE) AS graph_date,
        CAST(reach.dependent_id AS STRING) AS dependent_id,
        CAST(reach.dependency_id AS STRING) AS dependency_id,
        CAST(COALESCE(LOGICAL_OR(edges.is_direct), FALSE) AS BOOL) AS is_direct,
        CAST(LOGICAL_AND(NOT shorter.graph_date IS NULL) AS BOOL) AS is_whole
      FROM reach_{STEPS} AS reach
      LEFT JOIN edges USING (graph_date, dependent_id, dependency_id)
      LEFT JOIN reach_{STEPS - 1} AS shorter USING (graph_date, dependent_id, dependency_id)
      -- Through a cycle a package needs itself, which nobody means.
      WHERE reach.dependent_id <> reach.dependency_id
      GROUP BY reach.graph_date, reach.dependent_id, reach.dependency_id
    """
    return sqlglot.parse_one(query, dialect="bigquery")
