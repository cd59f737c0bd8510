"""Loading the project into SQLMesh without what a build has no use for."""

from __future__ import annotations

import os
from pathlib import Path

import yaml
from sqlmesh import Context
from sqlmesh.core import constants
from sqlmesh.core.loader import SqlMeshLoader
from sqlmesh.core.test import ModelTestMetadata

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


def load(settings: Settings) -> Context:
    """Return the project, loaded; raise SQLMesh's errors."""
    # config.yaml reads where the warehouse is from the environment, as sqlmesh itself does.
    os.environ["OSO_HOME"] = str(settings.home)
    workers = constants.MAX_FORK_WORKERS
    if settings.cache.exists():
        # Several processes halve the wait for a first load; a later one only reads what that left.
        constants.MAX_FORK_WORKERS = 1
    try:
        return Context(paths=[str(settings.project)], loader=QuickLoader)
    finally:
        constants.MAX_FORK_WORKERS = workers
