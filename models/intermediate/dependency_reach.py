"""What depends on what, directly or through others, at the end of each month and now.

The transitive closure, by doubling: each step is one common table expression that joins the one before it
with itself, and so follows chains twice as long. If the last step found nothing new, no step would;
else a chain is longer than the last but one follows, 32, which fails an audit.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlmesh import model
from sqlmesh.core.macros import MacroEvaluator
from sqlmesh.core.model import ModelKindName

STEPS = 6
# The graph as it is now; no month ends then.
NOW = "CAST('9999-12-31' AS DATE)"
MONTHS = "SELECT graph_date FROM intermediate.dependency_dates WHERE bucket = 'monthly'"
EDGES = f"""
  SELECT
    months.graph_date,
    edges.dependent_key,
    edges.dependency_key,
    edges.is_direct
  FROM months
  JOIN intermediate.dependencies AS edges
    ON edges.since_date <= months.graph_date
    AND COALESCE(edges.until_date, {NOW}) > months.graph_date
  UNION ALL
  SELECT {NOW} AS graph_date, dependent_key, dependency_key, is_direct
  FROM intermediate.dependencies
  WHERE until_date IS NULL
"""
STEP = """
  SELECT graph_date, dependent_key, dependency_key FROM {before}
  UNION DISTINCT
  SELECT nearer.graph_date, nearer.dependent_key, further.dependency_key
  FROM {before} AS nearer
  JOIN {before} AS further
    ON further.graph_date = nearer.graph_date AND further.dependent_key = nearer.dependency_key
"""


def columns(*names: str) -> exp.Tuple:
    """Return the names as an audit wants them."""
    return exp.Tuple(expressions=[exp.column(name) for name in names])


KEY = ("graph_date", "dependent_key", "dependency_key")


@model(
    "intermediate.dependency_reach",
    is_sql=True,
    kind={"name": ModelKindName.CUSTOM, "materialization": "differences"},
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
        "dependent_key": "The number of the package or repository that depends.",
        "dependency_key": "The number of the package that it depends on.",
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
        CAST(reach.dependent_key AS INT64) AS dependent_key,
        CAST(reach.dependency_key AS INT64) AS dependency_key,
        CAST(COALESCE(LOGICAL_OR(edges.is_direct), FALSE) AS BOOL) AS is_direct,
        CAST(LOGICAL_AND(NOT shorter.graph_date IS NULL) AS BOOL) AS is_whole
      FROM reach_{STEPS} AS reach
      LEFT JOIN edges USING (graph_date, dependent_key, dependency_key)
      LEFT JOIN reach_{STEPS - 1} AS shorter USING (graph_date, dependent_key, dependency_key)
      -- Through a cycle a package needs itself, which nobody means.
      WHERE reach.dependent_key <> reach.dependency_key
      GROUP BY reach.graph_date, reach.dependent_key, reach.dependency_key
    """
    return sqlglot.parse_one(query, dialect="bigquery")
