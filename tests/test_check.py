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

if TYPE_CHECKING:
    from oso_processors.check.steps import Report
    from oso_processors.models import Models

# SQLMesh's own, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PROJECT = Path(__file__).parents[1]
HEADER = """\
/* One row is an example. */
MODEL (
  name intermediate.{name},
  kind FULL,
  grain {grain},
  audits (
    not_null(columns := (
      {grain}
    ))
  )
);

"""
# The query begins on line 13 of its file.
WRONG = {
    "unknown_column": """\
SELECT
  CAST(project_id AS STRING) AS project_id,
  CAST(project_nam AS STRING) AS project_name
FROM marts.projects_v1
""",
    "other_function": """\
SELECT DISTINCT
  CAST(STRFTIME(sample_date, '%Y-%m') AS STRING) AS month
FROM intermediate.calendar
""",
    "cast_operator": """\
SELECT
  project_id::STRING AS project_id
FROM marts.projects_v1
""",
    "group_by_alias": """\
SELECT
  CAST(types.event_type AS STRING) AS types,
  CAST(COUNT(*) AS INT64) AS event_type
FROM seeds.event_types AS types
GROUP BY
  types.event_type
""",
    "date_and_timestamp": """\
SELECT
  CAST(events.event_id AS STRING) AS event_id
FROM staging.github_events AS events
JOIN intermediate.calendar AS calendar
  ON events.created_at = calendar.activity_date
""",
    "bare_numeric": """\
SELECT
  CAST(project_id AS STRING) AS project_id,
  SAFE_CAST('1.5' AS NUMERIC) AS share
FROM marts.projects_v1
""",
    "with_offset": """\
SELECT
  CAST(events.event_id AS STRING) AS event_id,
  CAST(place AS INT64) AS place
FROM staging.github_events AS events
CROSS JOIN UNNEST(events.commits) AS each WITH OFFSET AS place
""",
    "ambiguous_name": """\
SELECT
  CAST(project_id AS STRING) AS project_id
FROM marts.projects_v1 AS projects
JOIN marts.artifacts_by_project_v1 AS artifacts
  ON artifacts.project_id = projects.project_id
""",
    "argument_order": """\
SELECT DISTINCT
  CAST(FORMAT_DATE(sample_date, '%Y-%m') AS STRING) AS month
FROM intermediate.calendar
""",
    "short_union": """\
SELECT
  CAST(project_id AS STRING) AS project_id,
  CAST(project_name AS STRING) AS project_name
FROM marts.projects_v1
UNION ALL
SELECT
  CAST(collection_id AS STRING) AS project_id
FROM marts.collections_v1
""",
    "wrong_argument_of_macro": """\
SELECT
  CAST(@entity_id('GITHUB', '', project_nam) AS STRING) AS project_id
FROM marts.projects_v1
""",
    "wrong_inside_macro": """\
SELECT
  CAST(event_type AS STRING) AS event_type,
  CAST(@is_bot(is_contribution) AS BOOL) AS is_bot
FROM seeds.event_types
""",
    "only_on_bigquery": """\
SELECT
  CAST(TO_BASE32(CAST(event_type AS BYTES)) AS STRING) AS code
FROM seeds.event_types
""",
    "other_type": """\
SELECT
  CAST(MIN(event_type) AS STRING) AS event_type,
  SUM(IF(is_contribution, 1, 0)) AS contribution_count
FROM seeds.event_types
""",
}
SAID = {
    "unknown_column": ["15:8: Unrecognized name: project_nam; Did you mean project_name?"],
    "other_function": [
        "14:8: Function not found: STRFTIME;"
        " write FORMAT_DATE or FORMAT_TIMESTAMP, with the format first"
    ],
    "cast_operator": [
        "14:13: GoogleSQL has no operator ::; write CAST(… AS …), or run `sqlmesh format`"
    ],
    "group_by_alias": [
        "18:3: Cannot GROUP BY field references from SELECT list alias types;"
        " call the selected column otherwise than types, or the table"
    ],
    "date_and_timestamp": [
        "17:26: No matching signature for operator = for argument types: DATE, TIMESTAMP;"
        " cast one side to the type of the other"
    ],
    "ambiguous_name": [
        "14:8: Column name project_id is ambiguous; write the table before it, as in table.column"
    ],
    "argument_order": [
        "14:8: No matching signature for function FORMAT_DATE (argument types: DATE, STRING);"
        " give FORMAT_DATE its arguments in the order and of the types that its manual says"
    ],
    "short_union": [
        "18:1: Queries in UNION ALL have mismatched column count;"
        " query 1 has 2 columns, query 2 has 1 column;"
        " let every SELECT of it give the same columns, in the same order"
    ],
    "wrong_argument_of_macro": [
        "14:33: Unrecognized name: project_nam; Did you mean project_name?"
    ],
    "only_on_bigquery": [
        "14:8: DuckDB refuses what BigQuery takes:"
        " Catalog Error: Scalar Function with name to_base32 does not exist!;"
        " write it so that both take it"
    ],
    "other_type": [
        "15:37: contribution_count: DuckDB gives HUGEINT and not BIGINT;"
        " cast it in the outermost SELECT"
    ],
}
BY_THE_HOUSE_LIST = {
    "bare_numeric": ("15:", "NUMERIC without precision and scale", "NUMERIC(38, 9)"),
    "with_offset": ("17:", "WITH OFFSET", "GENERATE_ARRAY"),
}
TESTS = """\
test_rows_that_are_wrong:
  model: intermediate.repository_names
  vars: {start: 2024-05-01, end: 2024-05-01}
  inputs:
    staging.github_events:
      - {created_at: 2024-05-01 09:00:00, repository_source_id: 3, repository_name: curl/curl}
  outputs:
    partial: true
    query:
      - {repository_source_id: 3, repository_name: other/name}

test_an_input_of_another_type:
  model: intermediate.repository_names
  inputs:
    staging.github_events:
      - {created_at: 2024-05-01 09:00:00, repository_source_id: three}
  outputs:
    partial: true
    query: []

test_of_no_model:
  model: intermediate.repository_nam
  inputs: {}
  outputs:
    query: []

test_that_only_the_cloud_can_execute:
  model: intermediate.approximate
  inputs:
    seeds.event_types:
      - {event_type: PUSH}
  outputs:
    query:
      - {type_count: 1}
"""
APPROXIMATE = """\
SELECT
  CAST(APPROX_COUNT_DISTINCT(event_type) AS INT64) AS type_count
FROM seeds.event_types
"""


def write_model(project: Path, name: str, query: str) -> None:
    grain = query.split("FROM")[0].strip().rsplit(" AS ", 1)[1]
    path = project / "models" / "intermediate" / f"{name}.sql"
    path.write_text(HEADER.format(name=name, grain=grain) + query)


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
