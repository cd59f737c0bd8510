"""The catalogue of metrics, made from the metrics' own files, and what is made from it.

A metric is one file in models/metrics. Its header's comment gives the name that people read (first
line) and what is counted (the rest), its tags the unit and what its coverage is counted from. The tag
`empty:zero` says that a bucket without a row is one of zero: of such a metric the change is published too.
"""

from __future__ import annotations

import re
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlmesh import model
from sqlmesh.core.macros import MacroEvaluator

FOLDER = Path(__file__).parents[1] / "metrics"


def catalogue() -> list[dict[str, str]]:
    """Return one entry a metric: name, display_name, description, unit, basis, empty, sql, path."""
    return [entry(path) for path in sorted(FOLDER.glob("*.sql"))]


def changes_of(metrics: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return an entry for the change in each metric that is zero where it has no row."""
    return [
        {
            **each,
            "name": f"change_in_{each['name']}",
            "display_name": f"Change in {each['display_name'][0].lower()}{each['display_name'][1:]}",
            "description": "The value of the bucket minus that of the bucket before; NULL in the first."
            f" The value: {each['description']}",
            "sql": f"SELECT * FROM intermediate.changes WHERE metric = '{each['name']}'",
            "path": "models/intermediate/changes.sql",
        }
        for each in metrics
        if each["empty"] == "zero"
    ]


def entry(path: Path) -> dict[str, str]:
    """Read one metric's file."""
    text = path.read_text()
    comment = text[text.index("/*") + 2 : text.index("*/")]
    title, *words = [line.strip() for line in comment.strip().splitlines()]
    tags = dict(re.findall(r"'(\w+):([^']+)'", text[: text.index(");")]))
    return {
        "name": path.stem,
        "display_name": title,
        "description": " ".join(words),
        "unit": tags["unit"],
        "basis": tags["basis"],
        "empty": tags.get("empty", "unknown"),
        "sql": text[text.index("\n);") + 3 :].strip(),
        "path": f"models/metrics/{path.name}",
    }


METRICS = [{"metrics": catalogue()}]

# A metric of another basis would have no coverage, and no row.
BASES = exp.Tuple(
    expressions=[
        exp.Literal.string(each)
        for each in (
            "events",
            "commits",
            "contributions",
            "merges",
            "threads",
            "snapshot",
            "downloads",
            "onchain",
        )
    ]
)
KEYS = "subject_key, bucket, sample_date"
VALUE_COLUMNS = {
    "metric": "The metric's name, without source and bucket.",
    "subject_key": "What is measured, as intermediate.subjects has it.",
    "bucket": "daily, weekly, monthly, quarterly, yearly or all_time.",
    "sample_date": "The bucket's first day.",
    "amount": "The value.",
}
CHANGED = f"""
SELECT CAST(CONCAT('change_in_', metric) AS STRING) AS metric, {KEYS}, amount
FROM intermediate.changes
"""


@model(
    "intermediate.metrics",
    is_sql=True,
    kind="FULL",
    blueprints=METRICS,
    grain="metric",
    description="One row is a metric, as its file declares it.",
    audits=[
        (
            "not_null",
            {"columns": exp.Tuple(expressions=[exp.column("metric"), exp.column("unit")])},
        ),
        ("unique_values", {"columns": exp.Tuple(expressions=[exp.column("metric")])}),
        ("accepted_values", {"column": exp.column("basis"), "is_in": BASES}),
    ],
    column_descriptions={
        "metric": "The metric's name, without source and bucket.",
        "display_name": "The name that people read.",
        "description": "What is counted.",
        "unit": "What the amount counts.",
        "basis": "What its coverage is counted from, as intermediate.coverage has it.",
        "sql": "The query that makes it.",
        "path": "The file that declares it.",
    },
)
def metrics(evaluator: MacroEvaluator) -> exp.Expression:
    columns = {
        "metric": "name",
        "display_name": "display_name",
        "description": "description",
        "unit": "unit",
        "basis": "basis",
        "sql": "sql",
        "path": "path",
    }
    rows = [
        exp.select(
            *(
                exp.cast(exp.Literal.string(each[key]), "text").as_(column)
                for column, key in columns.items()
            )
        )
        for each in _all(evaluator)
    ]
    return _below(rows)


def _all(evaluator: MacroEvaluator) -> list[dict[str, str]]:
    listed = list(evaluator.blueprint_var("metrics"))
    return [*listed, *changes_of(listed)]


@model(
    "intermediate.levels",
    is_sql=True,
    kind="VIEW",
    blueprints=METRICS,
    grain=["metric", *KEYS.split(", ")],
    description="One row is a value of a metric that is zero where it has no row: those whose changes count.",
    audits=[
        (
            "not_null",
            {"columns": exp.Tuple(expressions=[exp.column("metric"), exp.column("amount")])},
        ),
    ],
    column_descriptions=VALUE_COLUMNS,
)
def levels(evaluator: MacroEvaluator) -> exp.Expression:
    return _below(_values([e for e in evaluator.blueprint_var("metrics") if e["empty"] == "zero"]))


@model(
    "intermediate.measurements",
    is_sql=True,
    kind="VIEW",
    blueprints=METRICS,
    grain=["metric", *KEYS.split(", ")],
    description="One row is a value of a metric: all metrics below one another.",
    audits=[
        (
            "not_null",
            {"columns": exp.Tuple(expressions=[exp.column("metric"), exp.column("subject_key")])},
        ),
    ],
    column_descriptions=VALUE_COLUMNS,
)
def measurements(evaluator: MacroEvaluator) -> exp.Expression:
    changed = sqlglot.parse_one(CHANGED, dialect="bigquery")
    return _below([*_values(evaluator.blueprint_var("metrics")), changed])


def _values(metrics: list[dict[str, str]]) -> list[exp.Expression]:
    """Return the query of each metric's values, under its name."""
    return [
        sqlglot.parse_one(
            f"SELECT CAST('{each['name']}' AS STRING) AS metric, {KEYS}, amount"
            f" FROM metrics.{each['name']}",
            dialect="bigquery",
        )
        for each in metrics
    ]


def _below(queries: list[exp.Expression]) -> exp.Expression:
    """Return the rows of all queries below one another."""
    return exp.union(*queries, distinct=False) if len(queries) > 1 else queries[0]
