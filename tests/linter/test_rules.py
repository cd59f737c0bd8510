"""SQLMesh runs a rule for every idiom, and prints one line that says where and what to write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlmesh import Context
from sqlmesh.utils.errors import LinterError

from linter.idioms import IDIOMS

PROJECT = Path(__file__).parents[2]
CONFIG = """
model_defaults: {dialect: bigquery}
linter: {enabled: true, rules: ALL, ignored_rules: [nomissingaudits, nomissingunittest]}
gateways: {local: {connection: {type: duckdb}}}
disable_anonymized_analytics: true
"""
HEADER = "MODEL (name s.m, kind FULL{});\n\n"
WRONG = """SELECT
  SAFE_CAST('1' AS NUMERIC) AS a,
  SUM(t.b)
    OVER (ORDER BY t.c) AS b,
  FORMAT('%d', t.c) AS c
"""
INPUT = "FROM (SELECT 1 AS b, 2 AS c) AS t\n"


@pytest.fixture
def lint(tmp_path, monkeypatch):
    """Lint a project of one model: rule, line and message of each violation."""
    monkeypatch.setenv("MAX_FORK_WORKERS", "1")
    shutil.copytree(PROJECT / "linter", tmp_path / "linter")
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "models").mkdir()

    def lint(model, *, is_strict=False):
        (tmp_path / "models" / "m.sql").write_text(model)
        context = Context(paths=[str(tmp_path)])
        found = context.lint_models(raise_on_error=is_strict)
        context.close()
        return sorted(
            (each.rule.name, each.violation_range and each.violation_range.start.line + 1)
            for each in found
        )

    return lint


def test_every_idiom_of_a_model_is_refused_with_its_line(lint):
    found = lint(HEADER.format("") + WRONG + INPUT)

    assert found == [("barenumeric", 4), ("formattedtext", 7)]


def test_a_model_without_idioms_passes(lint):
    found = lint(HEADER.format("") + "SELECT\n  t.b AS b\n" + INPUT, is_strict=True)

    assert found == []


def test_a_refused_model_stops_a_plan(lint):
    with pytest.raises(LinterError):
        lint(HEADER.format("") + WRONG + INPUT, is_strict=True)


def test_a_model_may_leave_a_rule_out(lint):
    found = lint(HEADER.format(", ignored_rules ['formattedtext']") + WRONG + INPUT)

    assert found == [("barenumeric", 4)]


def test_sqlmesh_knows_a_rule_for_every_idiom(tmp_path):
    shutil.copytree(PROJECT / "linter", tmp_path / "linter")
    (tmp_path / "config.yaml").write_text(CONFIG)

    context = Context(paths=[str(tmp_path)])
    [linter] = context._linters.values()
    context.close()

    assert {each.name.lower() for each in IDIOMS} <= set(linter.rules)
