"""The steps of a run, each a plain function: collect, build, release."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from oso_processors.bigquery import BigQuery
from oso_processors.catalog import catalog_of, require_built_for
from oso_processors.collectors.connector import Connector
from oso_processors.collectors.lander import Landed, collect
from oso_processors.collectors.landing import raise_if_full
from oso_processors.collectors.origins import collected, enter
from oso_processors.commit import commit_of
from oso_processors.declarations import load_processors
from oso_processors.errors import (
    ConnectorFailed,
    ReleaseNotKept,
    TableNotReleased,
    WarehouseLocked,
)
from oso_processors.object_store import ObjectStore
from oso_processors.passing import own_folder, spill_into
from oso_processors.progress import Progress
from oso_processors.release import Released, Request, Wish, contract, gaps, guards, prepare, release
from oso_processors.release.changes import Side
from oso_processors.release.plan import Plan
from oso_processors.release.promises import Promises, is_over
from oso_processors.release.rollback import RolledBack, rollback
from oso_processors.settings import Settings
from oso_processors.sources import ChosenSource, licences
from oso_processors.sql import literal
from oso_processors.stores import Manifest, Store
from oso_processors.stores.files import FilesStore
from oso_processors.stores.local_postgres import attached, serving
from oso_processors.stores.postgres import PostgresStore
from oso_processors.warehouse_file import CONFIG

if TYPE_CHECKING:
    # Importing SQLMesh takes seconds, and what reads the stores does not need it.
    from oso_processors.stores.bigquery_jobs import Jobs
    from oso_processors.stores.bigquery_tables import Bringing
    from oso_processors.warehouse import Warehouse

MEMORY_LIMIT = "1GB"


@contextmanager
def raw_connection(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse without SQLMesh, for collecting; raise `WarehouseLocked`."""
    settings.make_home()
    try:
        connection = duckdb.connect(str(settings.warehouse), config=CONFIG)
    except (duckdb.IOException, PermissionError) as error:
        raise_if_full(error)
        raise WarehouseLocked(str(settings.warehouse), str(error)) from None
    with connection:
        # DuckDB spills beside the file, which nobody else has open: what is there was left by a killed run.
        shutil.rmtree(f"{settings.warehouse}.tmp", ignore_errors=True)
        yield _bounded(connection)


@contextmanager
def in_memory(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give an engine with no file of its own, which spills below the home."""
    with duckdb.connect() as connection:
        spill_into(settings.passing, connection)
        yield _bounded(connection)


@contextmanager
def reading_connection(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse with its models, and change nothing; raise `WarehouseLocked` or `OtherCatalog`."""
    with _attached(settings, "(READ_ONLY)") as connection:
        yield connection


@contextmanager
def _attached(settings: Settings, mode: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    catalog = catalog_of(os.environ)
    with in_memory(settings) as connection:
        try:
            # Views name the catalogue, which is not what the file is called.
            connection.execute(f'ATTACH {literal(settings.warehouse)} AS "{catalog}" {mode}')
        except (duckdb.IOException, PermissionError) as error:
            raise WarehouseLocked(str(settings.warehouse), str(error)) from None
        connection.execute(f'USE "{catalog}"')
        require_built_for(connection, catalog)
        yield connection


@contextmanager
def open_warehouse(settings: Settings, progress: Progress) -> Iterator[Warehouse]:
    """Open the warehouse where the settings say that models are built; raise what `Warehouse` raises."""
    from oso_processors.warehouse import Remote, Warehouse

    with ExitStack() as stack:
        remote = None
        if settings.gateway == "bigquery":
            landing = stack.enter_context(_attached(settings))
            bringing = _bringing(settings, stack)
            remote = Remote(landing, bringing.table)
        with progress.step("loading the project"):
            warehouse = Warehouse(settings, remote)
        yield stack.enter_context(warehouse)


def _bringing(settings: Settings, stack: ExitStack) -> Bringing:
    """Return what reads tables of BigQuery's warehouse; what it brings is removed in the end."""
    # Google's libraries take a second to load.
    from oso_processors.stores.bigquery_tables import Bringing

    found = Bringing(_jobs(_bigquery(settings), stack), own_folder(settings.passing))
    stack.callback(found.close)
    return found


def _jobs(place: BigQuery, stack: ExitStack) -> Jobs:
    from oso_processors.stores.bigquery_jobs import Jobs

    client: Any = place.connect()
    stack.callback(client.close)
    return Jobs(client)


def send_landed(settings: Settings, progress: Progress) -> int:
    """Send what collectors landed to where models are built, and return how many rows that were.

    Raise `StoreUnusable` for what BigQuery refuses.
    """
    if settings.gateway != "bigquery":
        return 0
    from oso_processors.collectors.bigquery_landing import Sender

    place = _bigquery(settings)
    with ExitStack() as stack:
        landing, jobs = stack.enter_context(_attached(settings)), _jobs(place, stack)
        return Sender(landing, jobs, place.project, place.location, settings.uploads).send(progress)


def _bigquery(settings: Settings) -> BigQuery:
    return settings.bigquery or BigQuery.from_environ(os.environ)


def _bounded(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Let what is too large for memory go to the disk."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    return connection


def collect_all(
    settings: Settings, sources: Sequence[ChosenSource], progress: Progress
) -> list[Landed]:
    """Run every connector; one that fails does not keep the others from landing.

    Raise the first `ConnectorFailed` at the end.
    """
    landed: list[Landed] = []
    failures: list[ConnectorFailed] = []
    with raw_connection(settings) as connection:
        folder = own_folder(settings.passing)
        for each in sources:
            enter(connection, each.name, each.origin)
            connector = Connector(each.name, each.command, each.config, folder)
            try:
                landed.append(
                    collect(connection, connector, progress, each.streams, settings.actor_key)
                )
                collected(connection, each.name)
            except ConnectorFailed as failure:
                failures.append(failure)
                progress.say(f"{failure}")
    if failures:
        raise failures[0]
    return landed


def make_release(
    settings: Settings,
    warehouse: Warehouse,
    promises: Promises,
    progress: Progress,
    request: Request,
) -> Released:
    """Publish what the warehouse holds."""
    request = replace(request, commit=commit_of(settings.project), keep=settings.retention)
    _bring_gaps(settings, warehouse)
    request = replace(request, doubts=doubts(warehouse, promises, request))
    with open_stores(settings, say=progress.say) as stores:
        return release(
            warehouse.connection,
            wishes(warehouse, promises),
            stores,
            blocked(warehouse, promises),
            progress,
            request,
        )


def _bring_gaps(settings: Settings, warehouse: Warehouse) -> None:
    if settings.gateway == "bigquery":
        gaps.bring(warehouse.connection, warehouse.table)


def plan_release(
    settings: Settings, warehouse: Warehouse, promises: Promises, request: Request
) -> Plan:
    """Return what a release would do."""
    _bring_gaps(settings, warehouse)
    request = replace(request, doubts=doubts(warehouse, promises, request))
    with open_stores(settings) as stores:
        decided, _ = prepare(
            warehouse.connection,
            wishes(warehouse, promises),
            stores,
            blocked(warehouse, promises),
            request,
        )
        return decided


def go_back(settings: Settings, progress: Progress, name: str | None, reason: str) -> RolledBack:
    """Serve the tables of an earlier release again, in every store."""
    with open_stores(settings, say=progress.say) as stores, in_memory(settings) as connection:
        return rollback(connection, stores, progress, name, reason, settings.retention)


def sides(
    settings: Settings, old: str, new: str, table: str | None = None
) -> tuple[dict[str, Side], dict[str, Side]]:
    """Return the tables that differ between two kept releases, with where the rows of each are read.

    Raise `ReleaseNotKept`, or `TableNotReleased` where either has no such table.
    """
    store = files_store(settings)
    kept = {each.id: each for each in store.kept()}
    for name in (old, new):
        if name not in kept:
            raise ReleaseNotKept(name, tuple(kept))
        if table is not None and table not in kept[name].contents:
            raise TableNotReleased(table, name, tuple(kept[name].contents))
    before, after = kept[old], kept[new]
    # Of an object store only what is compared is worth bringing here.
    names = [
        name
        for name in {**before.contents, **after.contents}
        if name[0] != "_" and table in (None, name)
        if before.digests.get(name) != after.digests.get(name)
    ]
    return _side(store, before, names), _side(store, after, names)


def _side(store: Store, release: Manifest, names: Sequence[str]) -> dict[str, Side]:
    there = [name for name in names if name in release.contents]
    sources = {name: store.source(release, name) for name in there}
    return {n: (release.contents[n], source) for n, source in sources.items() if source is not None}


def files_store(settings: Settings, say: Callable[[str], None] = lambda _: None) -> FilesStore:
    """Return the files store where the settings say that files lie."""
    if not isinstance(settings.files, ObjectStore):
        return FilesStore(settings.releases, settings.passing)
    # The library of object stores is not for who has none.
    from oso_processors.stores.objects import Objects

    return FilesStore(Objects(settings.files, settings.passing, say=say), settings.passing)


def load_promises(settings: Settings, today: date | None = None) -> Promises:
    """Read what is promised and still to be served; raise `DeclarationInvalid`."""
    day = today or datetime.now(UTC).date()
    processors = {each.name: each for each in load_processors(settings.project / "processors")}
    served = [each for each in processors.values() if not is_over(each, day)]
    contracts = contract.load_all(settings.project / contract.FOLDER)
    return Promises(served, processors, contracts, licences(settings.project))


def wishes(warehouse: Warehouse, promises: Promises) -> list[Wish]:
    """Return what the processors promise, with what the models say of it."""
    return [
        Wish(
            promises.output(each, warehouse.table),
            each.publish.options(),
            {"owner": each.owner, "tier": each.tier, "licence": each.licence},
        )
        for each in promises.served
    ]


def blocked(warehouse: Warehouse, promises: Promises) -> dict[str, str]:
    """Return the processors whose models are not whole, break a contract or may not have their licence,
    each with the reason."""
    unfinished = warehouse.unfinished()
    reasons = {}
    for each in promises.served:
        reason = (
            unfinished.get(each.model)
            or promises.broken(each, warehouse.table)
            or promises.unlicensed(each, warehouse.sources(each.model))
        )
        if reason:
            reasons[each.name] = reason
    return reasons


def doubts(warehouse: Warehouse, promises: Promises, request: Request) -> dict[str, str]:
    """Return the processors whose sources are old or lack too much, each with the reason."""
    given = guards.supply(warehouse.connection)
    found = {
        each.name: guards.doubt(
            each, warehouse.sources(each.model), given, request.may_be_stale, request.may_lack
        )
        for each in promises.served
    }
    return {name: reason for name, reason in found.items() if reason}


@contextmanager
def open_stores(
    settings: Settings,
    is_reading: bool = False,
    say: Callable[[str], None] = lambda _: None,
    starts_server: bool = True,
) -> Iterator[list[Store]]:
    """Open every store, in the order in which they are published; a store tells ``say`` its choices.

    With ``is_reading`` nothing can be changed, and a release that is being made is not in the way.
    Unless this ``starts_server``, the embedded Postgres is left out where it does not run.
    """
    files = files_store(settings, say)
    with ExitStack() as stack:
        if not is_reading:
            stack.enter_context(files.alone())
        dsn = settings.postgres_dsn or (
            stack.enter_context(serving(settings.postgres))
            if starts_server
            else attached(settings.postgres)
        )
        stores: list[Store] = [files, *_in_bigquery(settings, stack, say)]
        if dsn is not None:
            postgres = PostgresStore(dsn, is_reading)
            stack.callback(postgres.close)
            stores.append(postgres)
        yield stores


def _in_bigquery(
    settings: Settings, stack: ExitStack, say: Callable[[str], None]
) -> Iterator[Store]:
    """Give the BigQuery store where the settings ask for it."""
    if settings.bigquery is None or settings.bigquery.dataset is None:
        return
    # Google's libraries take a second to load.
    from oso_processors.stores.bigquery import BigQueryStore

    store = BigQueryStore(settings.bigquery.connect(), settings.bigquery, settings.uploads, say)
    stack.callback(store.close)
    yield store


def folder_of(path: str | None) -> Path | None:
    """Return the folder that a person named, or None."""
    return Path(path) if path else None
