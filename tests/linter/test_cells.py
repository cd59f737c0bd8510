"""A model that is kept by its differences is refused when what it says of its cells cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmesh.core.dialect import parse
from sqlmesh.core.model import load_sql_based_model

import materializations.differences
from linter.cells import UnsoundCells

assert materializations.differences, "SQLMesh finds the kind where it is imported"
QUERY = "SELECT CAST(a AS INT64) AS a, CAST(b AS INT64) AS b FROM raw.facts"


def said(properties: str, rest: str = "grain (a, b)") -> list[str]:
    kind = f"CUSTOM (materialization 'differences', materialization_properties ({properties}))"
    text = f"MODEL (name x.y, kind {kind}, {rest});\n{QUERY}"
    model: Any = load_sql_based_model(parse(text, default_dialect="bigquery"), dialect="bigquery")
    return [each.violation_msg for each in UnsoundCells(None).check_model(model)]


def test_what_can_be_is_not_refused():
    audits = "audits (unique_combination_of_columns(columns := (a, b)))"
    assert said("cells = a, through = raw.facts, tells = b", f"grain (a, b), {audits}") == []
    assert said("cells = (a, b)") == []


@pytest.mark.parametrize(
    ("properties", "rest", "expected"),
    [
        (
            "cell = a",
            "grain (a, b)",
            "`cell` is no property of the materialization; did you mean `cells`?",
        ),
        (
            "cells = a",
            "owner nobody",
            "it declares no grain, by which its log tells rows; add `grain (...)` to its header",
        ),
        ("cells = (a, c)", "grain (a, b)", "c in `cells` is no column of its grain"),
        ("tells = d", "grain (a, b)", "d in `tells` is no column of its own"),
        (
            "cells = a, through = x.z",
            "grain (a, b)",
            "x.z in `through` is no table that it reads",
        ),
        (
            "cells = a",
            "grain (a, b), audits (unique_values(columns := (b)))",
            "its audit of b leaves out a: of a build only some cells are audited, and two of these may hold"
            " the same",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(properties, rest, expected):
    assert expected in said(properties, rest)
