"""Fixtures that several tests share, named for what they give."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest

from oso_processors.progress import Progress
from oso_processors.sample import SampleSize, make_sample
from oso_processors.settings import Settings
from oso_processors.stores.local_postgres import serving

PROJECT = Path(__file__).parents[1]
SHARED = PROJECT.parent / "shared" / "data"


@pytest.fixture
def quiet() -> Progress:
    """Progress that shows nothing."""
    return Progress(quiet=True)


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse in memory."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample of every source."""
    folder = tmp_path_factory.mktemp("sample") / "sample"
    make_sample(folder, SampleSize(events=1500, days=6, projects=20), 1, Progress(quiet=True))
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Postgres server for the whole session."""
    with serving(tmp_path_factory.mktemp("postgres") / "data") as dsn:
        yield dsn


@pytest.fixture
def postgres(server: str) -> str:
    """The address of an empty database."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS test WITH (FORCE)")
        connection.execute("CREATE DATABASE test")
    return server.replace("dbname=postgres", "dbname=test")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of this project with a home of its own."""
    return Settings(project=PROJECT, home=tmp_path / "home")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that a test may change."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("models", "macros", "audits", "seeds", "processors"):
        shutil.copytree(PROJECT / name, copy / name)
    for name in ("config.yaml", "external_models.yaml", "sources.yaml"):
        shutil.copy(PROJECT / name, copy / name)
    return copy


@pytest.fixture
def shared() -> Path:
    """The folder of real data; a test that needs it says so when it is not there."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not here")
    return SHARED
