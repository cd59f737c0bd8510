"""The only door to SQLMesh: build what is missing, and tell what is there.

One long-lived `Warehouse` loads the project once. What collectors landed since the last whole
build decides what is forgotten and built again; SQLMesh's own state decides all the rest. Where SQLMesh
builds in BigQuery, collectors land in the embedded database all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import cleandoc
from types import TracebackType

import duckdb
from sqlglot import exp
from sqlmesh.core.console import set_console
from sqlmesh.core.plan import Plan
from sqlmesh.core.snapshot import Snapshot
from sqlmesh.utils.errors import PlanError, SQLMeshError

from oso_processors.build_ledger import BuildLedger
from oso_processors.building import Watch, builds
from oso_processors.catalog import require_built_for
from oso_processors.errors import (
    ModelsFailed,
    ProjectInvalid,
    UnknownColumn,
    UnknownModel,
    WarehouseLocked,
    WithoutGrain,
)
from oso_processors.lineage import carried
from oso_processors.loading import load
from oso_processors.progress import Progress
from oso_processors.settings import Settings
from oso_processors.sqlmesh_names import grain_of, one_line, public_name, source_of
from oso_processors.tables import Built, Column, Elsewhere, Table, embedded_type

ENVIRONMENT = "prod"


@dataclass(frozen=True, slots=True)
class Remote:
    """What a warehouse in BigQuery has beside SQLMesh: the embedded database in which collectors land,
    and who answers for a table by its whole name."""

    landing: duckdb.DuckDBPyConnection
    held: Callable[[str], Elsewhere]


class Warehouse:
    """The project's models and their tables, in the embedded warehouse or, with ``remote``, in BigQuery."""

    def __init__(self, settings: Settings, remote: Remote | None = None) -> None:
        """Load the project; raise `ProjectInvalid`, `WarehouseLocked` or `OtherCatalog`."""
        if remote is None:
            settings.require_local()
        settings.make_home()
        self._remote = remote
        self._watch = Watch()
        self._production: dict[str, Snapshot] | None = None
        set_console(self._watch)
        try:
            self._context = load(settings)
            self._catalog = str(self._context.default_catalog)
            require_built_for(self.connection, self._catalog)
        except duckdb.IOException as error:
            raise WarehouseLocked(str(settings.warehouse), str(error)) from None
        except SQLMeshError as error:
            raise self._invalid(error) from error

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # SQLMesh itself lets go of the warehouse only when it has built something.
        self._context.engine_adapter.close()
        self._context.close()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The embedded database's connection; valid while the warehouse is open."""
        if self._remote is not None:
            return self._remote.landing
        cursor: duckdb.DuckDBPyConnection = self._context.engine_adapter.cursor
        return cursor

    @property
    def catalog(self) -> str:
        """The first part of every table's full name."""
        return self._catalog

    @property
    def _ledger(self) -> BuildLedger:
        # SQLMesh makes itself another connection now and then.
        return BuildLedger(self.connection, self._catalog)

    def build(self, progress: Progress) -> Built:
        """Build what is new or changed, and audit it.

        Raise `ModelsFailed` with one line a failed model or audit; what was built before stays, and
        the next build tries again only what is missing.
        """
        started = time.monotonic()
        self._ledger.create()
        landed = self._ledger.landed()
        self._forget_what_changed()
        with progress.step("building models") as step:
            self._watch.step = step
            failed = not self._apply(self._plan())
        self._production = None
        self._ledger.record(
            landed if not failed else None,
            len(self._watch.models),
            self._watch.audits,
            self._watch.failures,
        )
        if failed:
            raise ModelsFailed(tuple(self._watch.failures))
        return Built(len(self._watch.models), len(self._watch.audits), time.monotonic() - started)

    def unfinished(self) -> dict[str, str]:
        """Return the models of production that are not whole, each with the reason.

        A model is not whole when its own last build or one before it in the line failed or is due.
        """
        snapshots = {each.name: each for each in self._snapshots().values()}
        late = {name for name, each in snapshots.items() if self._is_late(each)}
        reasons = self._ledger.last_failures()
        unfinished = {}
        for name, snapshot in snapshots.items():
            causes = sorted(({name} | set(self._context.dag.upstream(name))) & late)
            if causes:
                cause = public_name(causes[0])
                reason = reasons.get(cause, "is due to be built; run `oso run`")
                unfinished[public_name(snapshot.name)] = f"{cause}: {reason}"
        return unfinished

    def carried(
        self, seeds: Mapping[str, Collection[str]]
    ) -> dict[str, dict[str, tuple[str, ...]]]:
        """Return what carries values of raw columns on: by model, each column with what it is from.

        ``seeds`` are columns by the name of their table in the schema raw.
        """
        by_fqn = {f'"{self._catalog}"."raw"."{name}"': seeds[name] for name in seeds}
        found = carried(self._context.models, self._context.dag.sorted, by_fqn)
        return {
            public_name(name): {
                column: tuple(
                    f"{public_name(parent)}.{own}"
                    for parent, _, own in (each.rpartition(".") for each in parents)
                )
                for column, parents in columns.items()
            }
            for name, columns in found.items()
        }

    def made_from(self, raw_tables: Collection[str]) -> list[str]:
        """Return the models that descend from tables of the schema raw."""
        found: set[str] = set()
        for child in (child for table in raw_tables for child in self._children(table)):
            found |= {child, *self._context.dag.downstream(child)}
        return sorted(public_name(name) for name in found)

    def stored(self, models: Collection[str]) -> list[str]:
        """Return those of ``models`` of which production has a table of its own, and no view."""
        snapshots = self._snapshots()
        return [e for e in models if e in snapshots and not snapshots[e].model.kind.is_view]

    def drop_other_tables(self, models: Collection[str]) -> list[str]:
        """Drop the tables that production does not need, and the environments that hold ``models``
        otherwise than it; return the names of these."""
        state, production = self._context.state_sync, self._snapshots()
        ours = {each.snapshot_id for each in production.values()}
        dropped = []
        for environment in state.get_environments():
            if environment.name == ENVIRONMENT:
                continue
            own = {public_name(e.name) for e in environment.snapshots if e.snapshot_id not in ours}
            if own & set(models):
                state.invalidate_environment(environment.name)
                dropped.append(str(environment.name))
        self._context.run_janitor(ignore_ttl=True)
        return sorted(dropped)

    def table(self, name: str, model_name: str, columns: tuple[str, ...]) -> Table:
        """Describe the output ``name``: ``columns`` of a model's physical table.

        Raise `UnknownModel`, `UnknownColumn` or `WithoutGrain`.
        """
        snapshot = self._snapshots().get(model_name)
        if snapshot is None:
            raise UnknownModel(name, model_name, tuple(self._snapshots()))
        # A project's id may hold dashes.
        place = exp.to_table(snapshot.table_name(is_deployable=True), dialect="bigquery")
        physical = place.sql(dialect="duckdb", identify=True)
        types = self._types(place)
        for column in columns:
            if column not in types:
                raise UnknownColumn(name, model_name, column, tuple(types))
        grain = grain_of(snapshot.model)
        if not grain:
            raise WithoutGrain(name, model_name)
        words = snapshot.model.column_descriptions
        listed = ", ".join(f'"{column}"' for column in columns)
        return Table(
            name=name,
            model=model_name,
            query=f"SELECT {listed} FROM {physical}",
            columns=tuple(Column(each, types[each], words.get(each, "")) for each in columns),
            grain=grain,
            description=cleandoc(snapshot.model.description or ""),
            fingerprint=str(snapshot.version),
            builds=builds(self._context.state_sync, snapshot),
            elsewhere=self._elsewhere(place),
        )

    def sources(self, model_name: str) -> set[str]:
        """Return the names of the sources that a model descends from."""
        snapshot = self._snapshots().get(model_name)
        upstream = self._context.dag.upstream(snapshot.name) if snapshot else ()
        return {source for name in upstream if (source := source_of(name))}

    def _plan(self) -> Plan:
        try:
            return self._context.plan_builder(ENVIRONMENT, skip_tests=True).build()
        except SQLMeshError as error:
            raise self._invalid(error) from error

    def _invalid(self, error: SQLMeshError) -> ProjectInvalid:
        # Of the linter's finds, the error itself says only that there are some.
        return ProjectInvalid("; ".join(self._watch.violations) or one_line(error))

    def _apply(self, plan: Plan) -> bool:
        if not (plan.has_changes or plan.missing_intervals):
            return True
        try:
            self._context.apply(plan)
        except PlanError:
            if not self._watch.failures:
                raise
            return False
        return True

    def _snapshots(self) -> dict[str, Snapshot]:
        """Return production's snapshots by the names people use, such as marts.metrics_v1.

        Only a build changes them, so they are read once between two.
        """
        if self._production is None:
            environment = self._context.state_sync.get_environment(ENVIRONMENT)
            state = self._context.state_sync
            found = state.get_snapshots(environment.snapshots) if environment else {}
            self._production = {public_name(e.name): e for e in found.values() if e.is_model}
        return self._production

    def _elsewhere(self, place: exp.Table) -> Elsewhere | None:
        if self._remote is None:
            return None
        return self._remote.held(f"{place.catalog}.{place.db}.{place.name}")

    def _types(self, place: exp.Table) -> dict[str, str]:
        """Return the columns of a table with their types, as the embedded engine says them."""
        if self._remote is not None:
            found = self._context.engine_adapter.columns(place)
            return {name: embedded_type(kind.sql("bigquery")) for name, kind in found.items()}
        physical = place.sql(dialect="duckdb", identify=True)
        described = self.connection.execute(f"DESCRIBE {physical}").fetchall()
        return {row[0]: row[1] for row in described}

    def _is_late(self, snapshot: Snapshot) -> bool:
        if snapshot.is_symbolic or snapshot.is_external:
            return False
        now = datetime.now(UTC)
        return bool(snapshot.missing_intervals(snapshot.node.start or "1970-01-01", now, now))

    def _forget_what_changed(self) -> None:
        """Make SQLMesh build again what descends from raw tables that got new rows or other ones.

        SQLMesh knows time, not arrival: without this, a day that was built is never read again,
        and an hour or a history that comes later would be left out.
        """
        snapshots = {each.name: each for each in self._snapshots().values()}
        starts: dict[str, datetime] = {}
        changes: list[tuple[str, datetime | None]] = [
            (table, None) for table in self._ledger.changed_tables()
        ]
        for table, since in [*changes, *self._ledger.rewritten_tables()]:
            for child in self._children(table):
                start = self._earliest(table, snapshots.get(child), since)
                for name in (child, *self._context.dag.downstream(child)):
                    starts[name] = min(start, starts.get(name, start))
        now = datetime.now(UTC)
        self._context.state_sync.remove_intervals(
            [
                (snapshot, snapshot.get_removal_interval(starts[name], now, now, strict=False))
                for name, snapshot in snapshots.items()
                if name in starts and snapshot.intervals
            ],
            remove_shared_versions=True,
        )

    def _children(self, raw_table: str) -> list[str]:
        name = f'"{self._catalog}"."raw"."{raw_table}"'
        models = self._context.models.items()
        return [fqn for fqn, model in models if name in model.depends_on]

    def _earliest(
        self, raw_table: str, snapshot: Snapshot | None, since: datetime | None
    ) -> datetime:
        """Return the time from which ``snapshot`` is concerned by a raw table's new rows, or by those
        that were rewritten from ``since`` on."""
        beginning = datetime(1970, 1, 1, tzinfo=UTC)
        if snapshot is None or not snapshot.is_incremental_by_time_range:
            return beginning
        if since is not None:
            return since
        column = snapshot.model.time_column.column.name
        return self._ledger.first_of(raw_table, column) or datetime.now(UTC)
