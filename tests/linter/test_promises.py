"""A mart that breaks a promise is refused, with what to do about it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def said(small_project, tmp_path) -> str:
    """What the linter says of a project in which five marts break their promises."""
    marts = small_project / "models" / "marts"
    change(marts / "event_types_v1.sql", "grain event_type,", "")
    change(
        marts / "collections_v1.sql", "unique_values(columns := (\n      collection_id\n    ))", ""
    )
    change(marts / "projects_v1.sql", "project_id, project_source", "project_source")
    change(marts / "metrics_v1.sql", "/* The metric's id. */", "")
    change(marts / "artifacts_v1.sql", "/* One row is", "/*")
    text = (marts / "artifacts_v1.sql").read_text()
    (marts / "artifacts_v1.sql").write_text(text.partition("*/\n")[2])
    (small_project / "tests" / "models" / "test_marts.yaml").unlink()
    done = subprocess.run(
        [str(Path(sys.executable).parent / "sqlmesh"), "lint"],
        cwd=small_project,
        env={**os.environ, "OSO_HOME": str(tmp_path / "home"), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return re.sub(r"\s+", " ", done.stdout + done.stderr)


def test_each_broken_promise_is_told(said):
    for words in (
        "it declares no grain; add `grain (...)` to its header",
        "no audit proves that its grain is unique;"
        " add `unique_combination_of_columns(columns := (collection_id))` to its audits",
        "add project_id to its audit `not_null`; they are its grain",
        "say what metric_id holds, in a comment after the column",
        "say in the comment before MODEL what one row is about",
        "it has no unit test; add one to tests/models/",
    ):
        assert words in said
