"""Fixtures that several tests share, named for what they give."""

from __future__ import annotations

import fcntl
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest

from oso_processors.progress import Progress
from oso_processors.sample import SampleSize, make_sample
from oso_processors.settings import Settings
from oso_processors.stores.local_postgres import serving

if TYPE_CHECKING:
    from sqlmesh.core.model import SqlModel

    from oso_processors.googlesql import Content, Engine

TESTS = Path(__file__).parent
PROJECT = TESTS.parent
SHARED = PROJECT.parent / "shared" / "data"
# SQLMesh reads this where it is imported; a process full of threads must not be forked.
os.environ.setdefault("MAX_FORK_WORKERS", "1")
# Enough metrics for what is no test of metrics; a run of all of them takes three times as long.
FEW_METRICS = frozenset({"commits", "contributors", "developers", "stars"})
LEFT_OUT = frozenset({"dependencies_v1", "ecosystems_v1", "funding_v1", "packages_v1"})
Once = Callable[[str, Callable[[Path], None]], Path]
COPIED = (
    "models",
    "macros",
    "materializations",
    "audits",
    "linter",
    "seeds",
    "processors",
    "contracts",
    "tests/models",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let whole runs come first: they are the longest."""
    items.sort(key=lambda item: item.path.parent != TESTS)


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
def engine() -> Engine:
    """GoogleSQL as BigQuery speaks it."""
    # Imported here, as SQLMesh is below, since most tests need neither.
    from oso_processors.googlesql import Engine

    return Engine.load(Progress(quiet=True))


@pytest.fixture(scope="session")
def duckdb_rows() -> Iterator[Callable[[str, Mapping[str, Content]], list[tuple[Any, ...]]]]:
    """Gives the rows of a query in DuckDB's SQL over tables described as for GoogleSQL."""
    from sqlglot import exp

    def fill(connection: duckdb.DuckDBPyConnection, name: str, table: Content) -> None:
        kinds = [exp.DataType.build(each, dialect="bigquery") for each in table.columns.values()]
        typed = ", ".join(
            f'"{each}" {kind.sql("duckdb")}'
            for each, kind in zip(table.columns, kinds, strict=True)
        )
        if "." in name:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({typed})")
        if table.rows:
            marks = f"({', '.join('?' * len(kinds))})"
            values = [value for row in table.rows for value in row]
            listed = ", ".join(marks for _ in table.rows)
            connection.execute(f"INSERT INTO {name} VALUES {listed}", values)

    def rows(sql: str, tables: Mapping[str, Content]) -> list[tuple[Any, ...]]:
        for name, table in tables.items():
            fill(connection, name, table)
        return connection.execute(sql).fetchall()

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield rows


@pytest.fixture(scope="session")
def model_of() -> Callable[..., SqlModel]:
    """Makes a model of a query and what its header holds; it knows the project's macros."""
    from sqlmesh import macro
    from sqlmesh.core.dialect import parse
    from sqlmesh.core.model import load_sql_based_model

    before = macro.get_registry()
    macro.set_registry({})
    for path in sorted((PROJECT / "macros").glob("[!_]*.py")):
        importlib.reload(importlib.import_module(f"macros.{path.stem}"))
    macros = macro.get_registry()
    macro.set_registry(before)

    def make(query: str, header: str = "") -> SqlModel:
        text = f"MODEL (name a.b, kind FULL, dialect bigquery{header});\n{query}"
        return load_sql_based_model(
            parse(text, default_dialect="bigquery"), dialect="bigquery", macros=macros
        )

    return make


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Makes a folder that all processes of a test run share, in whichever asks for it first."""
    base = tmp_path_factory.getbasetemp()
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder, mark = place / name, place / f"{name}.made"
        with (place / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not mark.exists():
                make(folder)
                mark.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def sample(once: Once) -> Path:
    """A small sample of every source."""
    size = SampleSize(events=1500, days=6, projects=20)
    return once("sample", lambda folder: make_sample(folder, size, 1, Progress(quiet=True)))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Postgres server for the whole session, one of our own unless another is named."""
    if named := os.environ.get("OSO_TEST_POSTGRES"):
        yield named
        return
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


@pytest.fixture(scope="session")
def copy_project() -> Callable[[Path], Path]:
    """Make a copy of the project, its Python package left out, at a path."""

    def copy(target: Path) -> Path:
        for name in COPIED:
            shutil.copytree(PROJECT / name, target / name)
        for path in PROJECT.glob("*.yaml"):
            shutil.copy(path, target)
        return target

    return copy


@pytest.fixture(scope="session")
def leave_few_metrics() -> Callable[[Path], Path]:
    """Take most metrics, and what only they and some marts need, out of a copy of the project."""

    def leave(project: Path) -> Path:
        models = project / "models"
        for path in [*(models / "metrics").iterdir(), *(models / "marts").iterdir()]:
            is_metric = path.parent.name == "metrics"
            if path.stem not in FEW_METRICS if is_metric else path.stem in LEFT_OUT:
                path.unlink()
        for folder in ("processors", "contracts"):
            for name in LEFT_OUT:
                (project / folder / f"{name}.yaml").unlink(missing_ok=True)
        kept = _needed(models)
        for path in models.rglob("*"):
            if path.suffix in (".sql", ".py") and path not in kept:
                path.unlink()
        _leave_tests_of({_name_of(path) for path in kept}, project / "tests" / "models")
        return project

    return leave


def _needed(models: Path) -> set[Path]:
    """Return the files of the metrics, marts and seeds, and of all that they are made from."""
    by_name = {_name_of(path): path for path in models.rglob("*") if path.suffix in (".sql", ".py")}
    ready = [name for name in by_name if name.split(".")[0] in ("metrics", "marts", "seeds")]
    # One file of Python makes several models, of which its name is none.
    ready.append("intermediate.catalogue")
    found: set[str] = set()
    while ready:
        name = ready.pop()
        if name in by_name and name not in found:
            found.add(name)
            ready += re.findall(r"\b(?:staging|intermediate)\.\w+", by_name[name].read_text())
    return {by_name[name] for name in found}


def _name_of(path: Path) -> str:
    """Return the name of the model in a file, or what would be it."""
    text = path.read_text()
    named = re.search(r"^  name (\w+\.\w+)", text, re.MULTILINE) or re.search(
        r'^    "(\w+\.\w+)"', text, re.MULTILINE
    )
    is_catalogue = path.stem == "catalogue"
    return named[1] if named and not is_catalogue else f"{path.parent.name}.{path.stem}"


def _leave_tests_of(models: set[str], folder: Path) -> None:
    made = {"intermediate.metrics", "intermediate.measurements", "intermediate.levels"}
    for path in folder.glob("*.yaml"):
        before, *listed = re.split(r"^(?=test_)", path.read_text(), flags=re.MULTILINE)
        kept = [e for e in listed if re.search(r"model: (\S+)", e)[1] in models | made]  # type: ignore[index]
        path.write_text("".join([before, *kept]))
        if not kept:
            path.unlink()


@pytest.fixture
def project(copy_project: Callable[[Path], Path], tmp_path: Path) -> Path:
    """A copy of the project that a test may change."""
    return copy_project(tmp_path / "project")


@pytest.fixture
def small_project(project: Path, leave_few_metrics: Callable[[Path], Path]) -> Path:
    """A copy of the project with few metrics."""
    return leave_few_metrics(project)


@pytest.fixture(scope="session")
def finished(
    once: Once,
    copy_project: Callable[[Path], Path],
    leave_few_metrics: Callable[[Path], Path],
    sample: Path,
) -> Path:
    """A copy of the project with a finished run on the sample in its `.oso`; change nothing there."""
    return once("finished", lambda folder: run_on(sample, leave_few_metrics(copy_project(folder))))


@pytest.fixture(scope="session")
def finished_whole(once: Once, copy_project: Callable[[Path], Path], sample: Path) -> Path:
    """The same with all metrics, which takes three times as long."""
    return once("finished_whole", lambda folder: run_on(sample, copy_project(folder)))


def run_on(sample: Path, project: Path) -> None:
    """Run a copy of the project on a sample."""
    subprocess.run(
        [str(Path(sys.executable).parent / "oso"), "run", "--from", str(sample)],
        cwd=project,
        env={**os.environ, "OSO_HOME": ".oso"},
        check=True,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module", params=["few", pytest.param("all", marks=pytest.mark.long)])
def built(request: pytest.FixtureRequest) -> Path:
    """A project with a finished run on the sample: with few metrics, or with all."""
    name = "finished" if request.param == "few" else "finished_whole"
    project: Path = request.getfixturevalue(name)
    return project


@pytest.fixture(scope="module")
def tables(built: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables of that run, under their own names."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{built / '.oso' / 'warehouse.duckdb'}' AS oso (READ_ONLY)")
        yield connection


@pytest.fixture(scope="session")
def copy_finished(finished: Path) -> Callable[[Path], Path]:
    """Make a copy of the finished run, which may be changed, at a path."""

    def copy(target: Path) -> Path:
        # cp keeps owners: the server's files belong to the server's user.
        subprocess.run(["cp", "-a", str(finished), str(target)], check=True)
        return target

    return copy


@pytest.fixture
def ran(copy_finished: Callable[[Path], Path], tmp_path: Path) -> Path:
    """A copy of the finished run that a test may change."""
    return copy_finished(tmp_path / "ran")


@pytest.fixture
def shared() -> Path:
    """The folder of real data; a test that needs it says so when it is not there."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not here")
    return SHARED


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own with room for half a megabyte, which every user can reach."""
    place = Path(tempfile.mkdtemp(prefix="oso-disk-"))
    place.chmod(0o755)
    mount = ["mount", "-t", "tmpfs", "-o", "size=500k", "small", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        place.rmdir()
        pytest.skip("only root can mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)
    place.rmdir()
