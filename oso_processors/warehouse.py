"""The only door to SQLMesh: build what is missing, and tell what is there.

One long-lived `Warehouse` loads the project once. What collectors landed since the last whole
build decides what is forgotten and built again; SQLMesh's own state decides all the rest.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import astuple
from datetime import UTC, datetime
from inspect import cleandoc
from types import TracebackType

import duckdb
from sqlglot import exp
from sqlmesh.core.console import set_console
from sqlmesh.core.plan import Plan
from sqlmesh.core.snapshot import Snapshot
from sqlmesh.utils.errors import PlanError, SQLMeshError

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
from oso_processors.tables import Built, Column, Table

ENVIRONMENT = "prod"
BUILDS = """
CREATE TABLE IF NOT EXISTS raw._builds (
  load_id BIGINT, built_at TIMESTAMPTZ, model_count BIGINT, audit_count BIGINT, failures VARCHAR[]
)
"""
AUDITS = """
CREATE TABLE IF NOT EXISTS raw._audits (
  model VARCHAR, position BIGINT, audit VARCHAR, starts_at TIMESTAMPTZ, ends_at TIMESTAMPTZ,
  passed BOOLEAN, bad_rows BIGINT, milliseconds BIGINT, audited_at TIMESTAMPTZ
)
"""


class Warehouse:
    """The project's models and their tables in the embedded warehouse."""

    def __init__(self, settings: Settings) -> None:
        """Load the project; raise `ProjectInvalid`, `WarehouseLocked` or `OtherCatalog`."""
        settings.require_local()
        settings.make_home()
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
        """The warehouse's own connection; valid while the warehouse is open."""
        cursor: duckdb.DuckDBPyConnection = self._context.engine_adapter.cursor
        return cursor

    @property
    def catalog(self) -> str:
        """The first part of every table's full name."""
        return self._catalog

    def build(self, progress: Progress) -> Built:
        """Build what is new or changed, and audit it.

        Raise `ModelsFailed` with one line a failed model or audit; what was built before stays, and
        the next build tries again only what is missing.
        """
        started = time.monotonic()
        self._create_ledger()
        landed = self._landed()
        self._forget_what_changed()
        with progress.step("building models") as step:
            self._watch.step = step
            failed = not self._apply(self._plan())
        self._production = None
        self._record(landed if not failed else None)
        if failed:
            raise ModelsFailed(tuple(self._watch.failures))
        return Built(len(self._watch.models), len(self._watch.audits), time.monotonic() - started)

    def unfinished(self) -> dict[str, str]:
        """Return the models of production that are not whole, each with the reason.

        A model is not whole when its own last build or one before it in the line failed or is due.
        """
        snapshots = {each.name: each for each in self._snapshots().values()}
        late = {name for name, each in snapshots.items() if self._is_late(each)}
        reasons = self._last_failures()
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
        physical = exp.to_table(snapshot.table_name(is_deployable=True), dialect="bigquery").sql(
            dialect="duckdb", identify=True
        )
        types = self._types(physical)
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

    def _types(self, physical: str) -> dict[str, str]:
        described = self.connection.execute(f"DESCRIBE {physical}").fetchall()
        return {row[0]: row[1] for row in described}

    def _is_late(self, snapshot: Snapshot) -> bool:
        if snapshot.is_symbolic or snapshot.is_external:
            return False
        now = datetime.now(UTC)
        return bool(snapshot.missing_intervals(snapshot.node.start or "1970-01-01", now, now))

    def _create_ledger(self) -> None:
        self.connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
        self.connection.execute(BUILDS)
        self.connection.execute(AUDITS)

    def _landed(self) -> int:
        """Return the newest batch that collectors landed; 0 before the first."""
        if not self._has_table("_loads"):
            return 0
        row = self.connection.execute("SELECT COALESCE(MAX(load_id), 0) FROM raw._loads").fetchone()
        return int(row[0]) if row else 0

    def _built_to(self) -> int:
        """Return the newest batch that the last whole build had seen."""
        row = self.connection.execute(
            "SELECT COALESCE(MAX(load_id), 0) FROM raw._builds"
        ).fetchone()
        return int(row[0]) if row else 0

    def _has_table(self, name: str) -> bool:
        found = self.connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'raw'"
            " AND table_name = ?",
            [self._catalog, name],
        ).fetchone()
        return found is not None

    def _last_failures(self) -> dict[str, str]:
        """Return what failed in the last build, by model."""
        if not self._has_table("_builds"):
            return {}
        row = self.connection.execute(
            # A clock may be set back; rows are never taken out of the table alone.
            "SELECT failures FROM raw._builds ORDER BY rowid DESC LIMIT 1"
        ).fetchone()
        return dict(line.split(": ", 1) for line in (row[0] if row else []))

    def _record(self, landed: int | None) -> None:
        """Write down a build; ``landed`` is None when it failed."""
        self.connection.execute(
            "INSERT INTO raw._builds VALUES (?, now(), ?, ?, ?)",
            [landed, len(self._watch.models), len(self._watch.audits), self._watch.failures],
        )
        if landed is not None and self._has_table("_rewritten"):
            self.connection.execute("DELETE FROM raw._rewritten")
        self._record_audits()

    def _record_audits(self) -> None:
        """Write down each audit of this build, in place of what it said of the same interval before."""
        rows = [astuple(each) for each in self._watch.audits]
        if not rows:
            return
        self.connection.execute("CREATE OR REPLACE TEMP TABLE audited AS FROM raw._audits LIMIT 0")
        self.connection.executemany(
            "INSERT INTO audited VALUES (?, ?, ?, ?, ?, ?, ?, ?, now())", rows
        )
        keys = "model, position, starts_at, ends_at"
        self.connection.execute("BEGIN")
        self.connection.execute(
            f"DELETE FROM raw._audits WHERE ({keys}) IN (SELECT ({keys}) FROM audited)"
        )
        self.connection.execute("INSERT INTO raw._audits FROM audited")
        self.connection.execute("COMMIT")

    def _forget_what_changed(self) -> None:
        """Make SQLMesh build again what descends from raw tables that got new rows or other ones.

        SQLMesh knows time, not arrival: without this, a day that was built is never read again,
        and an hour or a history that comes later would be left out.
        """
        snapshots = {each.name: each for each in self._snapshots().values()}
        starts: dict[str, datetime] = {}
        changes: list[tuple[str, datetime | None]] = [
            (table, None) for table in self._changed_tables()
        ]
        for table, since in [*changes, *self._rewritten_tables()]:
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

    def _changed_tables(self) -> list[str]:
        if not self._has_table("_loads"):
            return []
        rows = self.connection.execute(
            "SELECT DISTINCT source || '__' || stream FROM raw._loads WHERE load_id > ?",
            [self._built_to()],
        ).fetchall()
        return sorted(row[0] for row in rows)

    def _rewritten_tables(self) -> list[tuple[str, datetime]]:
        """Return the tables of which rows were rewritten since the last whole build, with the first."""
        if not self._has_table("_rewritten"):
            return []
        return self.connection.execute(
            "SELECT raw_table, COALESCE(since, TIMESTAMPTZ '1970-01-01 00:00:00Z') FROM raw._rewritten"
        ).fetchall()

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
        row = self.connection.execute(
            f'SELECT MIN("{column}") FROM raw."{raw_table}" WHERE _load_id > ?', [self._built_to()]
        ).fetchone()
        return row[0] if row and row[0] else datetime.now(UTC)
