"""What a change in git concerns."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from oso_processors.check.scope import changed_paths, concerned
from oso_processors.errors import NoSuchRevision


@dataclass
class Model:
    name: str
    path: Path
    parents: tuple[str, ...] = ()


class Models:
    """A project of three models in a line; SQLMesh would take seconds to load such a one."""

    def __init__(self, project: Path) -> None:
        folder = project / "models"
        self.all = {
            "s.one": Model("s.one", folder / "one.sql"),
            "s.two": Model("s.two", folder / "two.sql", ("s.one",)),
            "s.three": Model("s.three", folder / "three.sql", ("s.two",)),
        }

    def children(self, name: str) -> list[str]:
        return [each.name for each in self.all.values() if name in each.parents]

    def tested_in(self, path: Path) -> list[str]:
        return ["s.three"]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=ana", "-c", "user.email=ana@example.org"]
    settings = folder.parent / "no-settings"
    settings.touch()
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": str(settings), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        env=environ,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def clone(tmp_path) -> Path:
    """A repository whose branch `mine` is at `main`."""
    project = tmp_path / "clone"
    for name in (
        "models/one.sql",
        "models/two.sql",
        "models/three.sql",
        "macros/m.py",
        "README.md",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "Begin")
    git(project, "checkout", "-q", "-b", "mine")
    return project


def of(clone: Path, base: str | None = None) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    scope = concerned(Models(clone), clone, changed_paths(clone, base))
    return scope.names, scope.analysed, scope.is_whole


EVERYTHING = (("s.one", "s.two", "s.three"), ("s.one", "s.two", "s.three"), True)


def test_no_change_concerns_nothing(clone):
    assert of(clone) == ((), (), False)


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_changed_model_concerns_itself_and_the_analysis_of_its_children(clone, is_committed):
    (clone / "models/one.sql").write_text("changed")
    if is_committed:
        git(clone, "commit", "-q", "-a", "-m", "Change")

    assert of(clone) == (("s.one",), ("s.one", "s.two"), False)


def test_a_file_that_git_does_not_know_yet_is_a_change(clone):
    (clone / "models/ünew model.sql").write_text("new")

    assert changed_paths(clone, None) == [Path("models/ünew model.sql")]


def test_what_others_did_to_the_base_since_is_no_change(clone):
    git(clone, "checkout", "-q", "main")
    (clone / "models/two.sql").write_text("by another")
    git(clone, "commit", "-q", "-a", "-m", "Another")
    git(clone, "checkout", "-q", "mine")

    assert of(clone) == ((), (), False)


@pytest.mark.parametrize(
    "path",
    [
        "macros/m.py",
        "seeds/s.csv",
        "audits/a.sql",
        "linter/l.py",
        "config.yaml",
        "requirements.txt",
    ],
)
def test_what_can_change_every_model_concerns_all(clone, path):
    (clone / path).parent.mkdir(exist_ok=True)
    (clone / path).write_text("changed")

    assert of(clone) == EVERYTHING


def test_a_removed_model_concerns_all(clone):
    (clone / "models/one.sql").unlink()

    assert of(clone) == EVERYTHING


def test_a_changed_test_concerns_its_model(clone):
    (clone / "tests/models").mkdir(parents=True)
    (clone / "tests/models/test_t.yaml").write_text("new")

    assert of(clone) == (("s.three",), ("s.three",), False)


def test_a_readme_concerns_no_model(clone):
    (clone / "README.md").write_text("changed")

    assert of(clone) == ((), (), False)


def test_another_base_may_be_named(clone):
    git(clone, "branch", "-m", "main", "trunk")
    (clone / "models/three.sql").write_text("changed")

    assert of(clone, "trunk") == (("s.three",), ("s.three",), False)
    with pytest.raises(NoSuchRevision, match=r"^main: git knows no such revision here"):
        of(clone)


def test_a_project_below_the_repository_is_compared_from_its_own_folder(clone):
    below = clone / "below"
    (below / "models").mkdir(parents=True)
    (below / "models/one.sql").write_text("new")
    (clone / "models/one.sql").write_text("changed")

    assert of(below) == (("s.one",), ("s.one", "s.two"), False)


def test_where_there_is_no_git_the_line_says_what_to_do(tmp_path):
    with pytest.raises(NoSuchRevision, match="name another with --base, or name models"):
        changed_paths(tmp_path, None)
