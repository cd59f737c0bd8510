"""airbyte-cdk's standard tests over an executable; run by its own pytest, in its own environment.

CONNECTOR holds {"executable", "config_path", "empty_streams"} as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from airbyte_cdk.test import entrypoint_wrapper
from airbyte_cdk.test.models import ConnectorTestScenario
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase

CONNECTOR = json.loads(os.environ["CONNECTOR"])


class Executable:
    """Stands where the suite has an object of a connector's class; only its command line is used."""

    def spec(self, logger):
        raise NotImplementedError


def run_executable(source, args, expecting_exception=None, *, expected_outcome=None):
    """Run the connector and return what it said."""
    if args[0] == "spec":
        args = args[:1]
    done = subprocess.run([CONNECTOR["executable"], *args], capture_output=True)
    lines = done.stdout.decode().splitlines()
    failure = RuntimeError(done.stderr.decode()) if done.returncode and not lines else None
    return entrypoint_wrapper.EntrypointOutput(messages=lines, uncaught_exception=failure)


@pytest.fixture(autouse=True)
def in_a_process(monkeypatch):
    """Run executables: the suite knows only Python classes in its own process, and images."""
    monkeypatch.setattr(entrypoint_wrapper, "_run_command", run_executable)


class TestConnector(SourceTestSuiteBase):
    """Every standard test of a source that needs no image."""

    connector = Executable

    @classmethod
    def get_connector_root_dir(cls) -> Path:
        return Path(CONNECTOR["executable"]).parent

    @classmethod
    def get_scenarios(cls) -> list[ConnectorTestScenario]:
        empty = [{"name": name} for name in CONNECTOR["empty_streams"]]
        return [ConnectorTestScenario(config_path=CONNECTOR["config_path"], empty_streams=empty)]
