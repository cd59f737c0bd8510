"""The catalogue of metrics, made from the metrics' own files, and what is made from it.

A metric is one file in models/metrics. Its header's comment gives the name that people read (first
line) and what is counted (the rest), its tags the unit and what its coverage is counted from.
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
    """Return one entry a metric: name, display_name, description, unit, basis, sql, path."""
    return [entry(path) for path in sorted(FOLDER.glob("*.sql"))]


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
        "sql": text[text.index("\n);") + 3 :].strip(),
        "path": f"models/metrics/{path.name}",
    }


METRICS = [{"metrics": catalogue()}]

KEYS = "entity_type, entity_id, artifact_source, bucket, sample_date"


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
    ],
    column_descriptions={
        "metric": "The metric's name, without source and bucket.",
        "display_name": "The name that people read.",
        "description": "What is counted.",
        "unit": "What the amount counts.",
        "basis": "What its coverage is counted from: events, commits or snapshot.",
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
        for each in evaluator.blueprint_var("metrics")
    ]
    return exp.union(*rows, distinct=False) if len(rows) > 1 else rows[0]


@model(
    "intermediate.measurements",
    is_sql=True,
    kind="VIEW",
    blueprints=METRICS,
    grain=["metric", "entity_type", "entity_id", "artifact_source", "bucket", "sample_date"],
    description="One row is a value of a metric: all metrics below one another.",
    audits=[
        (
            "not_null",
            {"columns": exp.Tuple(expressions=[exp.column("metric"), exp.column("entity_id")])},
        ),
    ],
    column_descriptions={
        "metric": "The metric's name, without source and bucket.",
        "entity_type": "artifact, project or collection.",
        "entity_id": "The entity.",
        "artifact_source": "The system that the artifacts live in.",
        "bucket": "daily, weekly, monthly, quarterly, yearly or all_time.",
        "sample_date": "The bucket's first day.",
        "amount": "The value.",
    },
)
def measurements(evaluator: MacroEvaluator) -> exp.Expression:
    rows = [
        sqlglot.parse_one(
            f"SELECT CAST('{each['name']}' AS STRING) AS metric, {KEYS}, amount"
            f" FROM metrics.{each['name']}",
            dialect="bigquery",
        )
        for each in evaluator.blueprint_var("metrics")
    ]
    return exp.union(*rows, distinct=False) if len(rows) > 1 else rows[0]
