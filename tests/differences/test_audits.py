"""Audits of a kept table see what was computed since they last passed, and all of it where they did not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlglot import exp
from sqlmesh.core.snapshot import SnapshotTableCleanupTask
from sqlmesh.utils.date import now

from oso_processors.differences import writing
from oso_processors.differences.kept import Kept, drop_memories
from oso_processors.loading import QuickContext, QuickLoader

PROJECT = Path(__file__).parents[2]
CONFIG = """
project: kept
gateways: {local: {connection: {type: duckdb, catalogs: {oso: '%s'}}}}
default_gateway: local
model_defaults: {dialect: bigquery, start: '2026-01-01', cron: '@daily'}
physical_schema_mapping: {'^.*$': _sm}
disable_anonymized_analytics: true
"""
MODEL = """
MODEL (
  name marts.numbers,
  kind CUSTOM (materialization 'differences', materialization_properties (cells = cell)),
  grain (cell, number),
  audits (not_null(columns := (number)), unique_combination_of_columns(columns := (cell, number)))
);

SELECT CAST(cell AS STRING) AS cell, CAST(number AS INT64) AS number FROM raw.numbers
"""


class Project:
    """A project of one kept model, built and audited step by step."""

    def __init__(self, folder: Path) -> None:
        (folder / "models").mkdir(parents=True)
        shutil.copytree(PROJECT / "materializations", folder / "materializations")
        (folder / "config.yaml").write_text(CONFIG % (folder / "warehouse.duckdb"))
        (folder / "models" / "numbers.sql").write_text(MODEL)
        self.context = QuickContext(paths=[str(folder)], loader=QuickLoader)
        self.say("CREATE SCHEMA raw; CREATE TABLE raw.numbers (cell VARCHAR, number BIGINT)")
        self.say("INSERT INTO raw.numbers VALUES ('a', 1), ('a', 2), ('b', 1)")
        self.context.plan(auto_apply=True, no_prompts=True)
        self.snapshot = next(e for e in self.context.snapshots.values() if e.is_custom)

    @property
    def kept(self) -> Kept:
        evaluator = self.context.snapshot_evaluator
        place = exp.to_table(self.snapshot.table_name(True), dialect="duckdb")
        return Kept(evaluator.adapter.cursor, place)

    def say(self, statement: str) -> None:
        self.context.engine_adapter.cursor.execute(statement)

    def build(self) -> dict[str, tuple[int, bool]]:
        """Build; return how many bad rows each audit found, and whether it saw all rows."""
        given = {
            "snapshots": {self.snapshot.name: self.snapshot},
            "start": "2026-01-01",
            "end": now(),
            "execution_time": now(),
        }
        evaluator = self.context.snapshot_evaluator
        evaluator.evaluate(self.snapshot, allow_destructive_snapshots=set(), **given)
        found = evaluator.audit(snapshot=self.snapshot, **given)
        return {
            each.audit.name: (each.count, "__fresh" not in each.query.sql("duckdb"))
            for each in found
        }


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


GOOD = {"not_null": (0, False), "unique_combination_of_columns": (0, False)}


def test_only_the_cells_that_were_computed_are_audited(project):
    project.say("INSERT INTO raw.numbers VALUES ('b', 2)")

    assert project.build() == GOOD
    assert project.build() == GOOD, "nothing was computed, and nothing is to be audited"


def test_a_row_that_stands_twice_is_found_though_only_one_of_the_two_is_new(project):
    project.say("INSERT INTO raw.numbers VALUES ('a', 1)")

    assert project.build() == {"not_null": (0, False), "unique_combination_of_columns": (1, False)}


def test_what_failed_is_audited_again_whatever_is_computed_next(project):
    project.say("INSERT INTO raw.numbers VALUES ('a', NULL)")
    assert project.build()["not_null"] == (1, False)

    project.say("INSERT INTO raw.numbers VALUES ('b', 2)")
    assert project.build()["not_null"] == (1, True)

    project.say("DELETE FROM raw.numbers WHERE number IS NULL")
    assert project.build()["not_null"] == (0, True)
    assert project.build() == GOOD


def test_a_table_without_a_memory_is_made_anew_and_audited_whole(project):
    drop_memories(project.kept.connection, "oso")
    project.say("DELETE FROM raw.numbers WHERE cell = 'a'")

    assert project.build() == {"not_null": (0, True), "unique_combination_of_columns": (0, True)}
    assert project.kept.connection.execute(f"FROM {project.kept.sql}").fetchall() == [("b", 1)]


def test_a_table_of_which_very_much_is_concerned_is_made_whole(project, monkeypatch):
    monkeypatch.setattr(writing, "ROWS_AT_ONCE", 1)
    project.say("INSERT INTO raw.numbers VALUES ('b', 2)")
    since = project.kept.own["since"]
    assert project.build() == GOOD
    assert project.kept.own["since"] == since

    project.say("INSERT INTO raw.numbers VALUES ('a', 3)")
    assert project.build()["not_null"] == (0, True)
    assert project.kept.own["since"] != since
    rows = project.kept.connection.execute(f"FROM {project.kept.sql} ORDER BY ALL").fetchall()
    assert rows == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2)]


def test_the_memory_goes_with_the_table(project):
    kept = project.kept
    evaluator = project.context.snapshot_evaluator
    evaluator.cleanup(
        [SnapshotTableCleanupTask(snapshot=project.snapshot.table_info, dev_table_only=False)]
    )

    left = "SELECT table_name FROM duckdb_tables() WHERE schema_name = '_sm'"
    assert kept.connection.execute(left).fetchall() == []
