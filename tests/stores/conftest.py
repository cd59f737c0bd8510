"""What the tests of the stores share: one table with every type, and stores to put it in."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from oso_processors.bigquery import EVERYBODY, BigQuery, Reader
from oso_processors.object_store import ObjectStore
from oso_processors.release.measure import Wish, measured
from oso_processors.release.verify import verify
from oso_processors.stores import Manifest, Output, Store
from oso_processors.stores.files import FilesStore
from oso_processors.stores.objects import Objects
from oso_processors.stores.postgres import PostgresStore
from oso_processors.tables import Column, Table

from .object_server import BUCKET, KEYS, serving_objects
from .scripted_bigquery import Answer, Scripted

if TYPE_CHECKING:
    from oso_processors.stores.bigquery import BigQueryStore

COLUMNS = (
    Column("id", "BIGINT", "The grain."),
    Column("word", "VARCHAR", "A 'word', 100 % quoted."),
    Column("amount", "DECIMAL(38,9)", "An amount."),
    Column("small", "DECIMAL(9,2)", "A small amount."),
    Column("narrow", "INTEGER", "A narrow whole number."),
    Column("is_on", "BOOLEAN", "Whether."),
    Column("day", "DATE", "The day."),
    Column("at", "TIMESTAMP WITH TIME ZONE", "The moment."),
    Column("words", "VARCHAR[]", "Words."),
)
AT = datetime(2024, 5, 1, 9, 30, 15, 123456, tzinfo=UTC)
ROWS = [
    (1, "plain", Decimal("1.5"), Decimal("-0.01"), 1, True, date(2024, 5, 1), AT, ["a", "b"]),
    (2, "", Decimal("-99999999999999999999999999999.999999999"), None, -1, False, None, None, []),
    (3, 'q"u,o\\te\n\tü \U0001f600', None, None, None, None, date(1969, 12, 31), None, [""]),
    (4, "\\N", None, None, None, None, None, datetime(1960, 1, 1, tzinfo=UTC), ['{"\\,}', "NULL"]),
    (5, None, None, None, None, None, None, None, None),
]


def table(
    name: str = "everything",
    query: str = "SELECT * FROM everything",
    columns: tuple[Column, ...] = COLUMNS,
    grain: tuple[str, ...] = ("id",),
) -> Table:
    return Table(name, f"marts.{name}", query, columns, grain, "One of everything.", "1")


@pytest.fixture
def everything(warehouse: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A warehouse with a table of every type that can be published."""
    typed = ", ".join(f'"{each.name}" {each.type}' for each in COLUMNS)
    warehouse.execute(f"CREATE TABLE everything ({typed})")
    marks = ", ".join("?" * len(COLUMNS))
    warehouse.executemany(f"INSERT INTO everything VALUES ({marks})", ROWS)
    return warehouse


@pytest.fixture
def output(everything: duckdb.DuckDBPyConnection) -> Callable[..., Output]:
    """Measure a table for both stores."""

    def make(options: dict[str, object] | None = None, **parts: object) -> Output:
        where = {"files": {}, "postgres": options or {}}
        return measured(everything, Wish(table(**parts), where, {"owner": "me"}))  # type: ignore[arg-type]

    return make


@pytest.fixture
def in_postgres(postgres: str) -> Iterator[PostgresStore]:
    """The Postgres store on an empty database."""
    store = PostgresStore(postgres)
    yield store
    store.close()


@pytest.fixture(scope="session")
def object_server() -> Iterator[int]:
    """The port of an S3 on this machine."""
    with serving_objects() as port:
        yield port


@pytest.fixture
def address(object_server: int, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An empty prefix of the bucket there, whose endpoint and keys are in the environment."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{object_server}")
    return ObjectStore("s3", BUCKET, f"{uuid.uuid4().hex}/rele'ases [1]")


@pytest.fixture
def in_objects(address: ObjectStore, tmp_path) -> FilesStore:
    """The files store at an empty prefix."""
    return FilesStore(Objects(address, tmp_path / "home" / "passing", retries=2))


@pytest.fixture(params=["files", "objects", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path) -> Store:
    """Each store, empty."""
    if request.param == "files":
        return FilesStore(tmp_path / "rele'ases [1]")
    return request.getfixturevalue(f"in_{request.param}")


def manifest(number: int, *outputs: Output) -> Manifest:
    contents = {each.name: each.published() for each in outputs}
    return Manifest(number, f"2024-05-0{number}T00:00:00+00:00", contents)


def publish(store: Any, warehouse: Any, number: int, *outputs: Output) -> Manifest:
    """Do what a release does with one store."""
    release = manifest(number, *outputs)
    store.ready(outputs)
    for each in outputs:
        store.build(warehouse, release, each)
        verify(store, release, each)
    store.publish(release, outputs)
    return release


@pytest.fixture
def asked() -> list[tuple[str, str]]:
    """What the server was asked: the request, and its body."""
    return []


@pytest.fixture
def store_of(
    asked: list[tuple[str, str]], tmp_path: Path
) -> Iterator[Callable[..., BigQueryStore]]:
    """Makes a store on a server with these answers; it waits a second for what may pass."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    from oso_processors.stores.bigquery import BigQueryStore

    handler: Any = type("Handler", (Scripted,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        client = Client(
            project="oso-test",
            location="US",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": f"http://127.0.0.1:{server.server_port}"},
        )

        def make(
            answers: dict[str, list[Answer]],
            patience: float = 1.0,
            readers: Sequence[Reader] = (EVERYBODY,),
        ) -> BigQueryStore:
            handler.answers = answers
            settings = BigQuery("oso-test", dataset="published", readers=tuple(readers))
            return BigQueryStore(client, settings, tmp_path / "uploads", lambda _: None, patience)

        yield make
        client.close()
        server.shutdown()
        thread.join()
