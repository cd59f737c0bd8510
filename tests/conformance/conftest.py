"""Environments for other people's Airbyte tools, which cannot share ours.

Each requirements file here is an environment, built once into the user's cache folder and kept until
the file changes. Such a file is made by
`echo airbyte-source-faker==7.2.1 | uv pip compile - --universal --python-version 3.11
--generate-hashes --no-emit-index-url --no-header --no-annotate -o source-faker.txt`;
the others' first lines were `airbyte==0.71.3 ; python_version < "3.13"` and `airbyte-cdk[dev]==7.39.1`.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from oso_processors.collectors.connector import Connector

HERE = Path(__file__).parent
BESIDE = Path(sys.executable).parent
# The sample is of a time in which pushes no longer name their commits.
PUSH = {
    "id": "7",
    "type": "PushEvent",
    "created_at": "2024-05-01T09:00:00Z",
    "actor": {"id": 7, "login": "ana"},
    "repo": {"id": 3, "name": "curl/curl"},
    "payload": {
        "ref": "refs/heads/main",
        "commits": [
            {"sha": "a1", "author": {"email": "ana@example.org", "name": "Ana"}, "distinct": True},
            {
                "sha": "b2",
                "author": {"email": "bo@example.org", "name": 'B "o"'},
                "distinct": False,
            },
        ],
    },
}


def _environment(name: str) -> Path:
    """Return the folder of the environment ``name``, which is built if it is not whole."""
    requirements = HERE / f"{name}.txt"
    about = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "oso-processors" / "conformance" / f"{name}-{about[:16]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Executables hold the path of their environment, so it is built in its place; a mark at the end
    # tells a whole one from what a killed run left.
    whole = folder / ".installed"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder, requirements)
            whole.touch()
    return folder


def _install(folder: Path, requirements: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    hashed = ["--disable-pip-version-check", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, *hashed, "--requirement", str(requirements)], check=True)


@pytest.fixture(scope="session")
def pyairbyte() -> Path:
    """An environment with PyAirbyte."""
    if sys.version_info >= (3, 13):
        pytest.skip("PyAirbyte needs Python 3.12 or earlier")
    return _environment("pyairbyte")


@pytest.fixture(scope="session")
def airbyte_cdk() -> Path:
    """An environment with airbyte-cdk and its standard tests."""
    return _environment("airbyte-cdk")


@pytest.fixture(scope="session")
def faker() -> Path:
    """An environment with the published connector source-faker."""
    return _environment("source-faker")


@pytest.fixture(scope="session")
def ours(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Connector]:
    """Our three connectors, set to a small sample."""
    hours = tmp_path_factory.mktemp("hours") / "gharchive"
    shutil.copytree(sample / "gharchive", hours)
    (hours / "2024-05-01-9.json.gz").write_bytes(gzip.compress(orjson.dumps(PUSH)))
    configs = {
        "gharchive": {"folder": str(hours)},
        "oss_directory": {"path": str(sample / "oss-directory")},
        "git_history": {"folder": str(sample / "git")},
    }
    return {
        name: Connector(name, [str(BESIDE / f"source-{name.replace('_', '-')}")], config)
        for name, config in configs.items()
    }
