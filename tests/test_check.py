"""`oso check`: each wrong model gets one line that tells where it is wrong and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from click.testing import CliRunner

from oso_processors.check import scope
from oso_processors.cli import main
from oso_processors.errors import NoSuchModel
from oso_processors.googlesql import Engine
from oso_processors.settings import Settings
from tests.wrong_models import APPROXIMATE, BY_THE_HOUSE_LIST, SAID, TESTS, WRONG, write_model

if TYPE_CHECKING:
    from oso_processors.check.steps import Report
    from oso_processors.models import Models

# SQLMesh's own, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wrong(copy_project: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a model for each thing that can be wrong."""
    copy = copy_project(tmp_path_factory.mktemp("wrong") / "project")
    for name, query in WRONG.items():
        write_model(copy, name, query)
    write_model(copy, "approximate", APPROXIMATE)
    (copy / "tests" / "models" / "test_wrong.yaml").write_text(TESTS)
    unformatted = copy / "models" / "intermediate" / "repository_names.sql"
    unformatted.write_text(unformatted.read_text() + "\n\n")
    processor = copy / "processors" / "projects_v1.yaml"
    processor.write_text(processor.read_text().replace("- websites", "- website"))
    return copy


@pytest.fixture(scope="module")
def models(wrong: Path) -> Models:
    """The models of that copy."""
    from oso_processors.models import Models

    return Models(Settings(wrong, wrong / ".oso"))


@pytest.fixture(scope="module")
def report(wrong: Path, models: Models, engine: Engine) -> Report:
    """What a check of the wrong models says."""
    from oso_processors.check.steps import check

    names = [f"intermediate.{name}" for name in (*WRONG, "approximate", "repository_names")]
    return check(wrong, models, scope.named(models, names), engine, lambda step: None)


def said(report: Report, path: str) -> list[str]:
    """Return what the report says of a file, without the file's name."""
    return [
        str(each)[len(path) + 1 :].strip() for each in report.findings if str(each.path) == path
    ]


@pytest.mark.parametrize("name", SAID)
def test_a_wrong_model_gets_one_line_with_the_place_and_what_to_do(report, name):
    assert said(report, f"models/intermediate/{name}.sql") == SAID[name]


@pytest.mark.parametrize("name", BY_THE_HOUSE_LIST)
def test_an_idiom_of_the_house_list_gets_one_line_with_its_replacement(report, name):
    place, what, instead = BY_THE_HOUSE_LIST[name]

    (line,) = said(report, f"models/intermediate/{name}.sql")

    assert line.startswith(place)
    assert what in line
    assert instead in line


def test_what_a_macro_wrote_is_placed_on_the_line_of_the_macro(report):
    (line,) = said(report, "models/intermediate/wrong_inside_macro.sql")

    assert line.startswith("15: No matching signature for function COALESCE")


def test_a_file_that_is_not_formatted_is_named(report):
    assert said(report, "models/intermediate/repository_names.sql") == [
        "is not formatted; run `sqlmesh format`"
    ]


def test_a_declared_column_must_be_one_of_the_model(report):
    (line,) = said(report, "processors/projects_v1.yaml")

    assert line.endswith(
        "columns: marts.projects_v1 has no column 'website'; did you mean 'websites'?"
    )
    assert line.split(":")[0].isdigit()


def of_test(report: Report, name: str) -> list[tuple[str, int | None, str]]:
    """Return what each step says of a unit test."""
    return [
        (each.step, each.line, each.message.removeprefix(f"{name}: "))
        for each in report.findings
        if each.message.startswith(f"{name}: ")
    ]


def test_rows_that_differ_are_told_by_each_engine(report):
    line = TESTS.splitlines().index("test_rows_that_are_wrong:") + 1

    assert of_test(report, "test_rows_that_are_wrong") == [
        ("DuckDB tests", line, "Data mismatch (exp: expected, act: actual)"),
        ("GoogleSQL tests", line, "GoogleSQL gives other rows than the test expects"),
    ]
    assert next(each.detail for each in report.findings if each.step == "GoogleSQL tests") == (
        "missing: repository_source_id=3, repository_name=other/name\n"
        "unexpected: repository_source_id=3, repository_name=curl/curl"
    )


def test_a_test_that_cannot_be_read_is_told_with_its_line(report):
    lines = TESTS.splitlines()

    assert of_test(report, "test_of_no_model") == [
        (
            "DuckDB tests",
            lines.index("test_of_no_model:") + 1,
            "there is no model 'intermediate.repository_nam'",
        )
    ]
    assert of_test(report, "test_an_input_of_another_type")[-1] == (
        "GoogleSQL tests",
        lines.index("test_an_input_of_another_type:") + 1,
        "repository_source_id: 'three' is no INT64",
    )


def test_what_was_not_executed_is_told_and_is_no_pass(report):
    assert report.unproven == [
        "test_that_only_the_cloud_can_execute: Unsupported built-in function: approx_count_distinct"
    ]


def test_every_step_is_timed_in_the_order_that_is_promised(report):
    assert [each.step for each in report.steps] == [
        "format",
        "lint",
        "declarations",
        "DuckDB tests",
        "GoogleSQL analysis",
        "GoogleSQL tests",
    ]
    assert all(each.seconds >= 0 for each in report.steps)


def test_a_model_that_is_not_there_is_refused_with_a_suggestion(models):
    with pytest.raises(NoSuchModel, match=r"did you mean 'marts\.projects_v1'"):
        scope.named(models, ["marts.project_v1"])


@pytest.mark.parametrize(
    "arguments",
    [["marts.projects_v1", "--changed"], ["--base", "main"], ["marts.x", "--base", "main"]],
)
def test_options_that_contradict_are_wrong_usage(arguments):
    assert CliRunner().invoke(main, ["check", *arguments]).exit_code == 2


def oso(project: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "OSO_HOME": str(home), "COLUMNS": "120"}
    return subprocess.run(
        [str(Path(sys.executable).parent / "oso"), "check", *arguments],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_wrong_model_fails_the_command(wrong):
    done = oso(wrong, wrong / ".oso", "intermediate.unknown_column")

    assert done.returncode == 1
    assert (
        "models/intermediate/unknown_column.sql:15:8: Unrecognized name: project_nam" in done.stdout
    )
    assert "3 to mend" in done.stdout
    assert "test_wrong.yaml: " not in done.stderr


def test_a_model_is_checked_while_a_run_holds_the_warehouse(tmp_path):
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")):
        done = oso(PROJECT, tmp_path, "marts.event_types_v1")

    assert (done.returncode, done.stdout.splitlines()[-1].split(" (")[0]) == (
        0,
        "nothing to mend",
    ), done.stdout + done.stderr
