"""The emulator: BigQuery's protocol from a local server, which needs an environment of its own.

It wants Python 3.13 and other versions than ours of what we share. Its environment is built once, in the
user's cache; where no Python 3.13 is found, its tests are skipped and counted.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from oso_processors.bigquery import EVERYBODY, BigQuery, Reader
from oso_processors.release.measure import Wish, measured
from oso_processors.stores import Output, Store
from tests.stores.conftest import COLUMNS, ROWS, table

FOLDER = Path(__file__).parent
REQUIREMENTS = FOLDER / "emulator.txt"
EXTENSIONS = """
from duckdb_extensions import import_extension
for name in ("ducklake", "spatial", "avro"):
    import_extension(name)
"""
START_SECONDS = 180
ABOUT = {"owner": "The Owner", "tier": "stable", "licence": "CC-BY-SA-4.0"}


@dataclass(frozen=True)
class Emulator:
    """A running server: where it answers, and the project that it has."""

    project: str
    endpoint: str
    storage: str

    def client(self) -> Any:
        """Return Google's own client, sent here and without credentials."""
        import grpc
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery, bigquery_storage_v1
        from google.cloud.bigquery_storage_v1.services.big_query_read import transports

        def reader(given: Any = None, **_: Any) -> Any:
            # Whoever asks closes it, and so each asker gets its own.
            # No limit to what a message holds, as Google's own channel has none.
            no_limit = [("grpc.max_receive_message_length", -1)]
            channel = grpc.insecure_channel(self.storage, options=no_limit)
            transport = transports.BigQueryReadGrpcTransport(channel=channel)
            return given or bigquery_storage_v1.BigQueryReadClient(transport=transport)

        client = bigquery.Client(
            project=self.project,
            location="US",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self.endpoint},
        )
        client._ensure_bqstorage_client = reader
        # The emulator's jobs name no destination when they create a table; SQLMesh counts its rows there.
        get_table, nothing = client.get_table, types.SimpleNamespace(num_rows=None)
        client.get_table = lambda table=None, *a, **k: (
            get_table(table, *a, **k) if table else nothing
        )
        return client

    def connection(self, declared: Any) -> Any:
        """Return SQLMesh's connection as it is declared, but for its client."""
        from sqlmesh.core.config.connection import BigQueryConnectionConfig

        client = self.client

        class EmulatorConnection(BigQueryConnectionConfig):
            @property
            def _static_connection_kwargs(self) -> dict[str, Any]:
                return {"client": client()}

        return EmulatorConnection(**declared.dict(exclude_computed_fields=True))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An empty BigQuery for the whole session."""
    python = python313()
    if python is None:
        pytest.skip("no Python 3.13 for the emulator; set OSO_PYTHON313 to one")
    environment = installed(python)
    with serving(environment, tmp_path_factory.mktemp("emulator")) as server:
        yield server


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Any]:
    """Google's client of an emulator in which nothing is published."""
    found = emulator.client()
    for name in ("published", "published_store"):
        found.delete_dataset(name, delete_contents=True, not_found_ok=True)
    yield found
    found.close()


@pytest.fixture
def said() -> list[str]:
    """What the store told of its choices."""
    return []


@pytest.fixture
def store_for(client: Any, tmp_path: Path, said: list[str]) -> Callable[..., Any]:
    """Makes a BigQuery store that lets these readers in."""
    # Google's libraries take a second, and most runs of the tests leave these out.
    from oso_processors.stores.bigquery import BigQueryStore

    def make(*readers: Reader) -> Store:
        settings = BigQuery("oso-test", dataset="published", readers=readers)
        return BigQueryStore(client, settings, tmp_path / "uploads", said.append)

    return make


@pytest.fixture
def store(store_for: Callable[..., Any]) -> Any:
    """The BigQuery store, empty."""
    return store_for(EVERYBODY)


@pytest.fixture
def everything(warehouse: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A warehouse with a table of every type; BigQuery keeps no NULL instead of a list."""
    typed = ", ".join(f'"{each.name}" {each.type}' for each in COLUMNS)
    warehouse.execute(f"CREATE TABLE everything ({typed})")
    rows = [(*row[:-1], row[-1] or []) for row in ROWS]
    warehouse.executemany(f"INSERT INTO everything VALUES ({', '.join('?' * 9)})", rows)
    return warehouse


@pytest.fixture
def output(everything: duckdb.DuckDBPyConnection) -> Callable[..., Output]:
    """Measure a table for BigQuery."""

    def make(
        options: dict[str, object] | None = None, about: dict[str, str] = ABOUT, **parts: Any
    ) -> Output:
        where = {"files": {}, "bigquery": options or {}}
        return measured(everything, Wish(table(**parts), where, about))

    return make


@pytest.fixture
def whole(output: Callable[..., Output]) -> Output:
    """A table of everything."""
    return output()


def python313() -> str | None:
    """Return a Python 3.13: the one that OSO_PYTHON313 names, or else one that is found."""
    named = os.environ.get("OSO_PYTHON313")
    pyenv = sorted(Path.home().glob(".pyenv/versions/3.13*/bin/python"))
    found = [named] if named else [shutil.which("python3.13"), *map(str, pyenv)]
    return next((each for each in found if each and version(each).startswith("3.13.")), None)


def version(python: str) -> str:
    """Return an interpreter's version, or nothing where it does not run."""
    ask = [python, "-c", "import platform; print(platform.python_version())"]
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def installed(python: str) -> Path:
    """Return the emulator's environment, built before or now; what is there is complete."""
    content = REQUIREMENTS.read_bytes() + version(python).encode()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "oso-processors" / "emulator"
    target = folder / hashlib.sha256(content).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            for left_over in folder.glob("building-*"):
                shutil.rmtree(left_over)
            building = Path(tempfile.mkdtemp(prefix="building-", dir=folder))
            build(python, building)
            building.rename(target)
    return target


def build(python: str, folder: Path) -> None:
    """Make the environment, with DuckDB's extensions in a home of its own."""
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    inside = str(folder / "bin" / "python")
    (folder / "home").mkdir()
    call([python, "-m", "venv", str(folder)], folder)
    call([inside, *pip, "--require-hashes", "-r", str(REQUIREMENTS)], folder)
    call([inside, "-c", EXTENSIONS], folder, HOME=str(folder / "home"))


def call(command: list[str], folder: Path, **environ: str) -> None:
    """Run a step of the building; end the test with the step's last words when it fails."""
    done = subprocess.run(
        command, cwd=folder, env={**clean(), **environ}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"the emulator's environment cannot be built: {done.stderr[-1000:]}")


def clean() -> dict[str, str]:
    """Return the environment without what would mix our own packages in."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@contextmanager
def serving(environment: Path, folder: Path) -> Iterator[Emulator]:
    """Serve from an empty folder; the server also ends when this process is killed."""
    port, grpc_port = free_port(), free_port()
    command = [str(environment / "bin" / "python"), str(FOLDER / "serve.py")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--grpc-port", str(grpc_port)]
    command += ["--project", "oso-test", "--data-dir", str(folder / "data")]
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**clean(), "HOME": str(environment / "home")},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(port, process, log)
        yield Emulator("oso-test", f"http://127.0.0.1:{port}", f"127.0.0.1:{grpc_port}")
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the emulator did not start: {log.read_text()[-1000:]}")
