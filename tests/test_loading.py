"""What a build leaves out when it loads the project changes nothing of what the linter sees."""

from __future__ import annotations

from pathlib import Path

from sqlmesh import Context
from sqlmesh.core.loader import SqlMeshLoader

from oso_processors.loading import QuickLoader

PLAIN = """
test_stars:
  model: metrics.stars
  outputs: {query: [{amount: 1}]}
test_forks:
  model: metrics.forks
"""
WITH_JINJA = """
{% set name = "stars" %}
test_{{ name }}:
  model: metrics.{{ name }}
"""
CONFIG = """
gateways: {local: {connection: {type: duckdb}}}
model_defaults: {dialect: bigquery}
"""


def found(loader: type[SqlMeshLoader], project: Path) -> list[tuple[str, str, object]]:
    context = Context(paths=[str(project)], loader=loader)
    return sorted(
        (each.path.name, each.test_name, dict(each.body)) for each in context._model_test_metadata
    )


def project(tmp_path: Path, **tests: str) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "tests").mkdir()
    for name, text in tests.items():
        (tmp_path / "tests" / f"{name}.yaml").write_text(text)
    return tmp_path


def test_unit_tests_are_found_as_sqlmesh_finds_them(tmp_path: Path) -> None:
    folder = project(tmp_path, test_plain=PLAIN, test_jinja=WITH_JINJA)
    tests = found(QuickLoader, folder)
    assert tests == found(SqlMeshLoader, folder)
    assert [name for _, name, _ in tests] == ["test_stars", "test_forks", "test_stars"]


def test_a_file_without_unit_tests_has_none(tmp_path: Path) -> None:
    assert found(QuickLoader, project(tmp_path, test_none="# Nothing yet.")) == []
