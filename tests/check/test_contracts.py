"""`oso check` and `oso contract`: promises to readers that are broken, not written down, or over."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from oso_processors.cli import main
from oso_processors.release.contract import FOLDER
from oso_processors.settings import Settings

if TYPE_CHECKING:
    from oso_processors.models import Models

# SQLMesh's own, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PROJECT = Path(__file__).parents[2]
TODAY = date(2026, 3, 1)
GUIDE = "docs/how-to/change-a-published-table.md"
WAY = f"make it projects_v2 and deprecate projects_v1, as {GUIDE} tells"
DEPRECATED = """\
deprecation:
  on: 2026-01-01
  remove_after: 2026-06-30
  replacement: projects_v2
  reason: A name was no title.
  renames: {display_name: title}
"""


@pytest.fixture(scope="module")
def copied(copy_project: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, in which projects_v2 calls display_name title."""
    copy = copy_project(tmp_path_factory.mktemp("promised") / "project")
    model = (copy / "models/marts/projects_v1.sql").read_text()
    model = model.replace("marts.projects_v1", "marts.projects_v2")
    model = model.replace("project_name, display_name)", "project_name, title)")
    model = model.replace("AS display_name,", "AS title,")
    (copy / "models/marts/projects_v2.sql").write_text(model)
    return copy


@pytest.fixture(scope="module")
def models(copied: Path) -> Models:
    """The models of that copy."""
    from oso_processors.models import Models

    return Models(Settings(copied, copied / ".oso"))


@pytest.fixture
def project(copied: Path) -> Path:
    """The copy, with the processors and contracts that this project has."""
    for name in ("processors", FOLDER):
        shutil.rmtree(copied / name)
        shutil.copytree(PROJECT / name, copied / name)
    return copied


@pytest.fixture
def said(project: Path, models: Models) -> Callable[..., list[str]]:
    """Says what the declarations step finds."""
    from oso_processors.check.declared import declarations

    return lambda today=TODAY: [str(each) for each in declarations(project, models, today)]


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_licence_that_a_source_does_not_allow_is_told(project, said):
    change(project / "processors" / "projects_v1.yaml", "licence: CC-BY-SA-4.0", "licence: CC0-1.0")

    assert [line for line in said() if "licence" in line] == [
        "processors/projects_v1.yaml:6: its licence CC0-1.0 is not allowed by that of its source"
        " oss_directory (Apache-2.0); publish it under a licence that they allow"
    ]


def add_projects_v2(project: Path, deprecation: str = DEPRECATED) -> None:
    """Declare projects_v2, and projects_v1 as a view over it."""
    old, new = (project / "processors" / f"projects_v{number}.yaml" for number in (1, 2))
    text = old.read_text()
    new.write_text(
        text.replace("projects_v1", "projects_v2")
        .replace("- display_name", "- title")
        .replace("tier: stable", "tier: preview")
    )
    old.write_text(text.replace("marts.projects_v1", "marts.projects_v2") + deprecation)


def test_the_promises_of_this_project_are_kept(said):
    assert said() == []


def test_a_column_that_was_dropped_breaks_the_promise(project, said):
    change(project / "processors/projects_v1.yaml", "  - social_profiles\n", "")

    assert said() == ["contracts/projects_v1.yaml:33: column social_profiles was dropped; " + WAY]


def test_other_words_of_a_column_may_mean_another_thing(project, said):
    change(project / "contracts/projects_v1.yaml", "Its websites.", "Its web sites.")

    assert said() == [
        "contracts/projects_v1.yaml:30: column websites meant 'Its web sites.' and means"
        " 'Its websites.'; if it means the same, run"
        f" `oso contract --reworded projects_v1.websites`; if not, {WAY}"
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("type: ARRAY<STRING>", "type: STRING", 30),
        ("  - project_id\ncolumns", "  - project_name\ncolumns", None),
        ("    description: What the", "    never_null: true\n    description: What the", 27),
    ],
)
def test_a_change_of_type_grain_or_nullability_breaks_the_promise(project, said, old, new, line):
    change(project / "contracts/projects_v1.yaml", old, new)

    (found,) = said()

    place = f"contracts/projects_v1.yaml:{line}: " if line else "contracts/projects_v1.yaml: the"
    assert found.startswith(place)
    assert found.endswith(WAY)


def test_what_was_added_is_to_be_written_down(project, said):
    path = project / "contracts/projects_v1.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("  - name: social_profiles")])

    assert said() == [
        "contracts/projects_v1.yaml: is not up to date: column social_profiles was added;"
        " run `oso contract`"
    ]


def test_a_contract_that_was_laid_out_otherwise_is_not_up_to_date(project, said):
    change(project / "contracts/projects_v1.yaml", "# Written by", "# By")

    assert said() == ["contracts/projects_v1.yaml: is not up to date; run `oso contract`"]


def test_a_stable_output_has_a_contract_and_a_contract_an_output(project, said):
    (project / "contracts/metrics_v1.yaml").unlink()
    (project / "processors/artifacts_v1.yaml").unlink()
    change(project / "processors/projects_v1.yaml", "tier: stable", "tier: preview")

    assert sorted(said()) == [
        "contracts/artifacts_v1.yaml: artifacts_v1 is promised to its readers and no processor"
        f" publishes it; bring processors/artifacts_v1.yaml back and deprecate it, as {GUIDE} tells",
        "contracts/metrics_v1.yaml: metrics_v1 is stable and has no contract; run `oso contract`",
        "contracts/projects_v1.yaml: projects_v1 is promised to its readers, and its tier is"
        f" preview; write `tier: stable`, or make a new version, as {GUIDE} tells",
    ]


def test_a_renamed_column_may_go_with_a_new_version_a_deprecation_and_a_map(project, said):
    add_projects_v2(project)

    assert said() == []


def test_a_rename_without_a_map_is_told_with_the_line_to_add(project, said):
    add_projects_v2(project, DEPRECATED.replace("  renames: {display_name: title}\n", ""))

    assert said() == [
        "contracts/projects_v1.yaml:23: column display_name was renamed to title in projects_v2,"
        " which a view over that cannot undo; add `display_name: title` to `renames`"
    ]


def test_a_view_cannot_give_an_old_meaning_back(project, said):
    add_projects_v2(project)
    change(project / "contracts/projects_v1.yaml", "Its websites.", "How many websites it has.")

    assert said() == [
        "contracts/projects_v1.yaml:30: column websites meant 'How many websites it has.' and means"
        " 'Its websites.' in projects_v2, which a view over that cannot undo; if it means the same,"
        " run `oso contract --reworded projects_v1.websites`; if not, keep a model of its own for"
        " projects_v1 and name that as its `model`"
    ]


def test_a_mapped_column_that_means_another_thing_is_asked_about_too(project, said):
    add_projects_v2(project)
    change(project / "contracts/projects_v1.yaml", "The name that people read.", "Its repository.")

    (found,) = said()

    assert found.startswith(
        "contracts/projects_v1.yaml:23: column display_name meant 'Its repository.'"
    )
    assert "`oso contract --reworded projects_v1.display_name`" in found


def test_a_view_would_give_null_for_what_never_was_null(project, said):
    add_projects_v2(project)
    change(project / "processors/projects_v2.yaml", "  - project_namespace\n", "")

    assert said() == [
        "contracts/projects_v1.yaml:15: column project_namespace was dropped in projects_v2, and a view"
        " would serve it as NULL, which it is promised never to be; add its new name to `renames`,"
        " or keep a model of its own for projects_v1 and name that as its `model`"
    ]


def test_a_deprecated_output_may_keep_a_model_of_its_own(project, said):
    add_projects_v2(project)
    change(project / "processors/projects_v1.yaml", "marts.projects_v2", "marts.projects_v1")

    assert said() == []


def test_what_is_past_its_last_day_is_to_be_deleted(project, said):
    add_projects_v2(project)
    change(project / "processors/projects_v1.yaml", "marts.projects_v2", "marts.projects_v1")

    assert said(date(2026, 6, 30)) == []
    assert said(date(2026, 7, 1)) == [
        "processors/projects_v1.yaml:23: deprecation.remove_after: 2026-06-30 is past;"
        " delete processors/projects_v1.yaml, contracts/projects_v1.yaml,"
        " models/marts/projects_v1.sql unless other models read it"
    ]


def test_a_contract_in_the_middle_of_a_merge_is_one_line(project, said):
    change(project / "contracts/projects_v1.yaml", "grain:", "<<<<<<< HEAD\ngrain:")

    (found,) = said()

    assert found.startswith("contracts/projects_v1.yaml:5: could not find expected")


def test_the_command_writes_what_adds_and_refuses_what_breaks(project, monkeypatch):
    path = project / "contracts/projects_v1.yaml"
    whole = path.read_text()
    monkeypatch.setenv("OSO_PROJECT", str(project))
    monkeypatch.setenv("OSO_HOME", str(project / ".oso"))
    change(path, "Its websites.", "Its web sites.")
    (project / "contracts/metrics_v1.yaml").unlink()

    refused = CliRunner().invoke(main, ["contract"])
    taken = CliRunner().invoke(main, ["contract", "--reworded", "projects_v1.websites"])

    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[-2].startswith("contracts/projects_v1.yaml: column websites")
    assert refused.stderr.endswith(
        "Error: a promise to readers would be broken; no contract was written\n"
    )
    assert (taken.exit_code, taken.stdout) == (
        0,
        "wrote contracts/metrics_v1.yaml\nwrote contracts/projects_v1.yaml\n",
    )
    assert path.read_text() == whole


def test_the_command_takes_the_words_of_the_new_version_for_a_view(project, monkeypatch, said):
    add_projects_v2(project)
    path = project / "contracts/projects_v1.yaml"
    whole = path.read_text()
    monkeypatch.setenv("OSO_PROJECT", str(project))
    monkeypatch.setenv("OSO_HOME", str(project / ".oso"))
    change(path, "The name that people read.", "Its name, for people.")

    taken = CliRunner().invoke(main, ["contract", "--reworded", "projects_v1.display_name"])

    assert (taken.exit_code, taken.stdout) == (0, "wrote contracts/projects_v1.yaml\n")
    assert path.read_text() == whole
    assert said() == []


def test_the_command_knows_what_may_be_reworded(project, monkeypatch):
    monkeypatch.setenv("OSO_PROJECT", str(project))
    monkeypatch.setenv("OSO_HOME", str(project / ".oso"))

    refused = CliRunner().invoke(main, ["contract", "--reworded", "projects_v1.website"])

    assert refused.exit_code == 2
    assert refused.stderr.endswith(
        "'projects_v1.website' is no column of a stable table;"
        " did you mean 'projects_v1.websites'?\n"
    )
