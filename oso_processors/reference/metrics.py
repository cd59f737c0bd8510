"""Pages of the metrics: what each counts, its rules as they are tested, and its query."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

CATALOGUE = Path("models/intermediate/catalogue.py")
TESTS = Path("tests/models")
BUCKET = re.compile(r"AS bucket, /\* (.+?)\.? \*/")
PARENT = re.compile(r"\b(?:FROM|JOIN) (intermediate\.\w+)")
EMPTY = {"zero": "the value is 0", "unknown": "there is no value"}
HOURS = "the share of the bucket's hours of GH Archive that were collected"
BASIS = {
    "events": HOURS,
    "snapshot": "1: it is counted from a snapshot of the whole source",
    "downloads": "the share of the bucket's days, over all packages that the registry was asked about,"
    " that were collected",
    "onchain": "the share of the bucket's days, over all contracts that are counted on the chain,"
    " that were collected",
    "commits": "1 for repositories whose git history was collected; for others "
    + HOURS
    + " and list commits",
    "contributions": HOURS + " and tell which pull requests were merged, and list commits;"
    " the latter not for repositories whose git history was collected",
    "merges": HOURS + " and tell which pull requests were merged",
    "threads": HOURS
    + " and tell which issue or pull request an event is about, and which were merged",
}
MOST_ROWS = 12
Metric = Mapping[str, str]
Test = tuple[str, Mapping[str, Any]]


def pages() -> dict[str, str]:
    """Return the pages of the project in the working directory: an index, and one a metric."""
    metrics, tests = _catalogue(), _tests()
    found = {f"{each['name']}.md": _page(each, tests) for each in metrics}
    return {"README.md": _index(metrics), **found}


def _catalogue() -> list[dict[str, str]]:
    """Return the metrics as the models' own catalogue reads them."""
    from sqlmesh import model

    spec = importlib.util.spec_from_file_location("_catalogue", CATALOGUE)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(CATALOGUE)
    module = importlib.util.module_from_spec(spec)
    # Importing it registers its models, which is for SQLMesh to do.
    before = model.get_registry()
    model.set_registry({})
    try:
        spec.loader.exec_module(module)
    finally:
        model.set_registry(before)
    catalogue: Callable[[], list[dict[str, str]]] = module.catalogue
    return catalogue()


def _tests() -> dict[str, list[Test]]:
    """Return the unit tests of each model."""
    found: dict[str, list[Test]] = {}
    for path in sorted(TESTS.glob("*.yaml")):
        for name, body in yaml.safe_load(path.read_text()).items():
            found.setdefault(body["model"], []).append((name, body))
    return found


def _index(metrics: list[dict[str, str]]) -> str:
    rows = "".join(
        f"| [{each['display_name']}]({each['name']}.md) | {each['unit']} | {_first(each)} |\n"
        for each in metrics
    )
    return (
        "# Metrics\n\nEach is counted for artifacts, projects and collections, each at its own level:"
        " people and commits that belong to several artifacts of a project count there once.\n\n"
        "Of those that are zero where they have no row, the change since the bucket before is"
        " published too, by months, quarters and years, as `GITHUB_change_in_<metric>_<bucket>`.\n\n"
        f"| Metric | Unit | What is counted |\n|---|---|---|\n{rows}"
    )


def _first(metric: Metric) -> str:
    return metric["description"].split(". ")[0].rstrip(".") + "."


def _page(metric: Metric, tests: Mapping[str, list[Test]]) -> str:
    name, sql = metric["name"], metric["sql"]
    own = tests.get(f"metrics.{name}", [])
    before = [each for parent in sorted(set(PARENT.findall(sql))) for each in tests.get(parent, [])]
    source = _source(own)
    parts = [
        f"# {metric['display_name']}\n\n{metric['description']}\n",
        _facts(metric, source),
        f"## Rules\n\nEach is a unit test, on DuckDB and on GoogleSQL.\n\n{_rules([*own, *before])}",
        _example(own),
        f"## Read it\n\n```sql\n{_query(metric, source)}\n```\n",
        f"## How it is made\n\n```sql\n{sql}\n```\n",
    ]
    return "\n".join(filter(None, parts))


def _source(tests: list[Test]) -> str:
    """Return the system of the artifacts in the metric's own tests."""
    inputs = (rows for _, body in tests for rows in body["inputs"].values())
    found = (row.get("artifact_source") for rows in inputs for row in rows)
    return next(filter(None, found), "GITHUB")


def _facts(metric: Metric, source: str) -> str:
    name, listed = metric["name"], _buckets(metric)
    facts = {
        "Unit": metric["unit"],
        "Buckets": listed,
        "Published as": f"`{source}_{name}_<bucket>`",
        "A bucket without a row": EMPTY[metric["empty"]],
        "Coverage": BASIS[metric["basis"]],
        "Source": f"[`{metric['path']}`](../../{metric['path']})",
    }
    rows = "".join(f"| {key} | {value} |\n" for key, value in facts.items())
    return f"| | |\n|---|---|\n{rows}"


def _buckets(metric: Metric) -> str:
    found = BUCKET.search(metric["sql"])
    return found[1] if found else ""


def _rules(tests: list[Test]) -> str:
    names = (name.removeprefix("test_").replace("_", " ") for name, _ in tests)
    return "".join(f"- {name[0].upper()}{name[1:]}.\n" for name in names)


def _example(tests: list[Test]) -> str:
    """Return the first test that is small enough to be read, as tables."""
    for _, body in tests:
        inputs = {key: rows for key, rows in body["inputs"].items() if isinstance(rows, list)}
        if sum(map(len, inputs.values())) <= MOST_ROWS:
            given = "\n".join(f"`{key}`:\n\n{_table(rows)}" for key, rows in inputs.items())
            return f"## Example\n\nOf\n\n{given}\ncomes\n\n{_table(body['outputs']['query'])}"
    return ""


def _table(rows: list[Mapping[str, Any]]) -> str:
    heads = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(_cell(row.get(key)) for key in heads) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    return (
        "NULL" if value is None else str(value).lower() if isinstance(value, bool) else f"{value}"
    )


def _query(metric: Metric, source: str) -> str:
    bucket = "monthly" if "monthly" in _buckets(metric) else _buckets(metric).split(",")[0]
    return (
        "SELECT project_name, sample_date, amount, coverage, is_complete\n"
        "FROM timeseries_metrics_by_project_v1\n"
        "JOIN metrics_v1 USING (metric_id)\n"
        "JOIN projects_v1 USING (project_id)\n"
        f"WHERE metric_name = '{source}_{metric['name']}_{bucket}'\n"
        "ORDER BY project_name, sample_date"
    )
