"""Loading the project into SQLMesh without what a build has no use for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from sqlglot import exp
from sqlmesh import Context
from sqlmesh.core import constants
from sqlmesh.core.loader import SqlMeshLoader
from sqlmesh.core.model import AuditResult
from sqlmesh.core.snapshot import DeployabilityIndex, Snapshot, SnapshotEvaluator
from sqlmesh.core.test import ModelTestMetadata

from oso_processors.differences.kept import Kept
from oso_processors.settings import Settings


class QuickLoader(SqlMeshLoader):  # type: ignore[misc] # SQLMesh tells mypy nothing of it.
    """Reads unit tests with libyaml: a build runs none of them, and only the linter asks which there are."""

    def _load_model_test_file(self, path: Path) -> dict[str, ModelTestMetadata]:
        try:
            tests = yaml.load(path.read_bytes(), yaml.CSafeLoader)
        except yaml.YAMLError:
            # There may be Jinja in it, which SQLMesh renders.
            found: dict[str, ModelTestMetadata] = super()._load_model_test_file(path)
            return found
        return {
            name: ModelTestMetadata(path=path, test_name=name, body=body)
            for name, body in (tests or {}).items()
        }


class FreshEvaluator(SnapshotEvaluator):  # type: ignore[misc]
    """Audits of a table that is kept by its differences what was computed since its audits last passed."""

    def audit(self, snapshot: Snapshot, **kwargs: Any) -> list[AuditResult]:
        """Run the audits of a model's table."""
        adapter = self.get_adapter(snapshot.model_gateway)
        if not snapshot.is_custom or adapter.dialect != "duckdb":
            found: list[AuditResult] = super().audit(snapshot, **kwargs)
            return found
        index = kwargs.get("deployability_index") or DeployabilityIndex.all_deployable()
        place = exp.to_table(snapshot.table_name(index.is_deployable(snapshot)), dialect="duckdb")
        kept = Kept(adapter.cursor, place)
        if kept.own and kept.fresh.columns:
            kwargs["this_model"] = kept.fresh.place
        found = super().audit(snapshot, **kwargs)
        if kept.own and not any(each.count for each in found):
            kept.pass_audits()
        return found

    def set_correlation_id(self, correlation_id: Any) -> FreshEvaluator:
        """Return the same evaluator, whose statements tell the plan that they are of."""
        return self.like(super().set_correlation_id(correlation_id))

    @classmethod
    def like(cls, other: SnapshotEvaluator) -> FreshEvaluator:
        """Return one of our kind that is like SQLMesh's."""
        return cls(other.adapters, other.ddl_concurrent_tasks, other.selected_gateway)


class QuickContext(Context):  # type: ignore[misc]
    """Audits no more than it must."""

    @property
    def snapshot_evaluator(self) -> FreshEvaluator:
        """What evaluates and audits models."""
        made = super().snapshot_evaluator
        if not isinstance(made, FreshEvaluator):
            made = FreshEvaluator.like(made)
            self._snapshot_evaluator = made
        return made


def load(settings: Settings) -> Context:
    """Return the project, loaded; raise SQLMesh's errors."""
    # config.yaml reads where the warehouse is from the environment, as sqlmesh itself does.
    os.environ["OSO_HOME"] = str(settings.home)
    workers = constants.MAX_FORK_WORKERS
    if settings.cache.exists():
        # Several processes halve the wait for a first load; a later one only reads what that left.
        constants.MAX_FORK_WORKERS = 1
    try:
        return QuickContext(paths=[str(settings.project)], loader=QuickLoader)
    finally:
        constants.MAX_FORK_WORKERS = workers
