"""Publish in Postgres: content-named tables behind views that are switched in one transaction.

Readers are granted the views in `public` only. The tables behind them live in the schema `store`, named
for their content, so that what did not change is not copied again and a retry finds its own work. All of
them belong to a role of their own (`postgres_roles`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import duckdb
import psycopg
from psycopg.errors import DependentObjectsStillExist, InsufficientPrivilege, LockNotAvailable
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier, Literal
from psycopg.types.json import Jsonb

from oso_processors import checksum, full_disk
from oso_processors.errors import (
    Mismatch,
    PostgresUnavailable,
    ReadersInTheWay,
    ReleaseError,
    ReleaseLocked,
    StoreUnusable,
)
from oso_processors.stores import (
    Manifest,
    Measured,
    Output,
    postgres_drift,
    postgres_pieces,
    postgres_roles,
    postgres_tables,
    views,
)
from oso_processors.stores.copying import copy
from oso_processors.stores.postgres_address import connected, place, why
from oso_processors.stores.postgres_pieces import Piece, Pieces, Plan

LOCK = 7_062_113_001
# A killed run's server process notices within a second that nobody is there any more.
LOCK_SECONDS = 3.0
SWITCH_ATTEMPTS = 40
AT_REACH = "run again when the server can be reached"
SESSION = """
SET TimeZone = 'UTC';
SET client_min_messages = warning;
SET client_connection_check_interval = '500ms';
"""
SETUP = """
REVOKE ALL ON SCHEMA store FROM PUBLIC;
CREATE TABLE IF NOT EXISTS store._releases (
  number bigint PRIMARY KEY,
  manifest jsonb NOT NULL,
  tables jsonb NOT NULL,
  is_served boolean NOT NULL
);
"""
HOLDER = """
SELECT application_name, pid, backend_start FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s AND pid <> pg_backend_pid()
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class PostgresStore:
    """The Postgres store at the address ``dsn``."""

    name = "postgres"

    def __init__(self, dsn: str, is_reading: bool = False) -> None:
        """Connect; raise `PostgresUnavailable`, or `ReleaseLocked` when another release is made.

        With ``is_reading`` nothing can be changed, and a release that is being made is not in the way.
        """
        self._connection = connected(dsn)
        try:
            self._connection.execute(SESSION)
            if is_reading:
                self._connection.execute("SET default_transaction_read_only = on")
                postgres_roles.read_as_loader(self._connection)
                return
            self._lock()
            self._set_up()
        except psycopg.Error as error:
            self.close()
            raise PostgresUnavailable(place(dsn), why(error)) from error
        except ReleaseError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the lock and the connection."""
        self._connection.close()

    def served(self) -> Manifest | None:
        """Return the release whose views readers see."""
        return next((each for each, _, is_served in self._releases() if is_served), None)

    def kept(self) -> Sequence[Manifest]:
        """Return the release served, and those before it whose tables are all there."""
        served, there = self.served(), self._tables()
        if served is None:
            return []
        older = [
            each
            for each, pieces, _ in self._releases()
            if each.number < served.number and _names(pieces.values()) <= there
        ]
        return [served, *older]

    def ready(self, outputs: Sequence[Output]) -> None:
        """Raise `StoreUnusable` when the views of ``outputs`` could not be switched."""
        with self._told("public"):
            ours = self._served_names()
            kept = {each.name for each in outputs if self._can_replace(each)}
            views.refuse_what_is_not_ours(
                self._connection, [o.name for o in outputs if o.name not in ours]
            )
            views.refuse_what_others_need(self._connection, sorted(set(ours) - kept))

    def build(
        self, connection: duckdb.DuckDBPyConnection, release: Manifest, output: Output
    ) -> None:
        """Copy its rows, or those of the days that changed, beside what is served, with their
        indexes, in one transaction."""
        plan = self._planned(output)
        if plan.table in self._tables():
            return
        with self._told(output.name), self._connection.transaction():
            self._connection.execute(postgres_tables.created(output, plan.table))
            target = Identifier("store", plan.table)
            rows = output.brought(plan.query(output))
            copied = copy(connection, rows, self._connection, target)
            if copied != plan.row_count(output):
                expected, found = f"{plan.row_count(output):,}", f"{copied:,}"
                raise Mismatch(self.name, output.name, "the number of rows copied", expected, found)
            for statement in postgres_tables.finished(output, plan.table):
                self._connection.execute(statement)

    def measure(self, release: Manifest, output: Output) -> Measured:
        """Read back the table that was built."""
        plan = self._planned(output)
        with self._told(output.name):
            found = self._one(checksum.postgres_sql(output.table, f"({plan.built(output)})"))
            number = plan.checksum(output, checksum.text(found))
            columns = self._columns(output, plan.table)
            return Measured(number, columns, self._has_grain(output, plan.table))

    def publish(self, release: Manifest, outputs: Sequence[Output]) -> None:
        """Switch every view to ``release`` in one transaction; raise `ReadersInTheWay`."""
        self._show(release, outputs, {each.name: self._planned(each).pieces for each in outputs})

    def switch(self, release: Manifest) -> None:
        """Let the views show the tables of a kept release again; raise `ReadersInTheWay`."""
        outputs, (pieces, _) = release.outputs(self.name), self._held(release)
        if not _names(pieces.values()) <= self._tables():
            raise StoreUnusable(self.name, release.id, "is not kept whole")
        self.ready(outputs)
        self._show(release, outputs, pieces)

    def drift(self, release: Manifest) -> list[str]:
        """Compare tables, and the views in front of them when readers see ``release``."""
        outputs = release.outputs(self.name)
        with self._told(release.id):
            pieces, is_served = self._held(release)
            return postgres_drift.found(self._connection, outputs, pieces, is_served)

    def holder(self) -> str | None:
        """Say who is making a release now, where another does."""
        with self._told("pg_locks"), self._connection.transaction():
            # Who owns the tables may not look at the sessions of those who connect.
            self._connection.execute("SET LOCAL ROLE NONE")
            row = self._connection.execute(HOLDER, [LOCK >> 32, LOCK & 0xFFFFFFFF]).fetchone()
        if row is None:
            return None
        name, process, since = row
        started = f" since {since:%Y-%m-%d %H:%M} UTC" if since else ""
        return f"{name or 'somebody'} (server process {process}){started}"

    def left_over(self) -> list[str]:
        """Name the tables that no release needs: of a killed run, of one that is at work, or swept
        later because a reader held them."""
        return [f"store.{name}" for name in self._unneeded()]

    def outlasting(self) -> Mapping[str, timedelta]:
        """Dropped tables are gone at once."""
        return {}

    def _show(
        self, release: Manifest, outputs: Sequence[Output], pieces: Mapping[str, Pieces]
    ) -> None:
        with self._told("public"):
            self._run_between_readers(SQL(";\n").join(self._switch(release, outputs, pieces)))

    def _run_between_readers(self, statements: Composed) -> None:
        for attempt in range(SWITCH_ATTEMPTS):
            try:
                with self._connection.transaction():
                    self._connection.execute("SET LOCAL lock_timeout = '200ms'")
                    self._connection.execute(statements)
                return
            except LockNotAvailable:
                # Readers come first: a waiting switch would make later readers wait with it.
                time.sleep(min(2.0, 0.05 * 2**attempt) * random.uniform(0.5, 1.5))  # noqa: S311
        raise ReadersInTheWay(SWITCH_ATTEMPTS)

    def source(self, release: Manifest, name: str) -> str | None:
        """Its rows are read by Postgres alone."""
        return None

    def sweep(self, keep: Iterable[Manifest]) -> None:
        """Drop the tables that no release in ``keep`` needs, and forget the other releases.

        A table that a reader still holds is left for the next sweep.
        """
        numbers = [each.number for each in keep]
        with self._told("store"):
            self._connection.execute(
                "DELETE FROM store._releases WHERE NOT is_served AND NOT number = ANY (%s)",
                [numbers],
            )
            for name in self._unneeded():
                self._drop(name)

    def _lock(self) -> None:
        end = time.monotonic() + LOCK_SECONDS
        while not (row := self._one(f"SELECT pg_try_advisory_lock({LOCK})")) or not row[0]:
            if time.monotonic() > end:
                raise ReleaseLocked(f"{self.name}: {self.holder() or 'somebody'}")
            time.sleep(0.1)

    def _set_up(self) -> None:
        """Let the role that owns what is published be there and own it, and act as that role."""
        postgres_roles.set_up(self._connection)
        owner = postgres_roles.former(self._connection)
        if owner is not None:
            try:
                self._run_between_readers(postgres_roles.takeover(self._connection, owner))
            except InsufficientPrivilege as error:
                advice = f"run `oso release` once as {owner!r} or as an administrator"
                raise StoreUnusable(self.name, "store", why(error), advice) from error
        postgres_roles.act_as_loader(self._connection)
        self._connection.execute(SETUP)

    def _drop(self, name: str) -> None:
        try:
            with self._connection.transaction():
                self._connection.execute("SET LOCAL lock_timeout = '200ms'")
                self._connection.execute(SQL("DROP TABLE {}").format(Identifier("store", name)))
        except (LockNotAvailable, DependentObjectsStillExist):
            return

    def _switch(
        self, release: Manifest, outputs: Sequence[Output], pieces: Mapping[str, Pieces]
    ) -> list[Composed]:
        """Return the SQL of the switch, its views in name order so that no two can deadlock."""
        by_name = {each.name: each for each in outputs}
        statements: list[Composed] = []
        for name in sorted({*by_name, *self._served_names()}):
            if name not in by_name:
                statements.append(views.dropped(name))
                continue
            output = by_name[name]
            rows = postgres_pieces.rows(pieces[name], output)
            statements += views.shown(self._connection, output, rows, self._can_replace(output))
        kept = {name: [each.body() for each in found] for name, found in pieces.items()}
        statements += [
            SQL("UPDATE store._releases SET is_served = false WHERE is_served").format(),
            SQL(
                "INSERT INTO store._releases VALUES ({number}, {manifest}, {tables}, true)"
                " ON CONFLICT (number) DO UPDATE SET manifest = excluded.manifest,"
                " tables = excluded.tables, is_served = true"
            ).format(
                number=Literal(release.number),
                manifest=Literal(Jsonb(release.body())),
                tables=Literal(Jsonb(kept)),
            ),
        ]
        return statements

    def _can_replace(self, output: Output) -> bool:
        now = views.columns(self._connection, "public", output.name)
        return views.can_replace(now, postgres_tables.columns(output))

    def _planned(self, output: Output) -> Plan:
        """Return the pieces that serve ``output``: those of a release that had the same content, or
        what is built on those that are served."""
        content = "manifest->'contents'->%s->>'digest'"
        with self._told("store._releases"):
            rows = self._connection.execute(
                f"SELECT tables->%s, {content} FROM store._releases WHERE tables ? %s"
                f" AND (is_served OR {content} = %s) ORDER BY is_served DESC, number DESC",
                [output.name, output.name, output.name, output.name, output.digest],
            ).fetchall()
        there = self._tables()
        found = [(_pieces(body), digest) for body, digest in rows]
        for pieces, digest in found:
            if digest == output.digest and _names([pieces]) <= there:
                return Plan(pieces)
        served, digest = found[0] if found else ((), None)
        return postgres_pieces.planned(output, served, digest)

    def _columns(self, output: Output, table: str) -> list[str]:
        """Return the columns as the warehouse says them, where the type is the one that belongs."""
        wanted = dict(postgres_tables.columns(output))
        types = {each.name: each.type for each in output.table.columns}
        found = views.columns(self._connection, "store", table)
        return [
            f"{name} {types[name] if wanted.get(name) == kind else kind}" for name, kind in found
        ]

    def _has_grain(self, output: Output, table: str) -> bool:
        """Say whether the unique index is there; its columns are NOT NULL as they were made."""
        found = self._one(
            SQL(
                "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass({})"
                " AND indisunique AND indisvalid"
            ).format(Literal(f'store."{postgres_tables.index(table, output.table.grain)}"'))
        )
        return bool(found and found[0])

    def _releases(self) -> list[tuple[Manifest, Mapping[str, Pieces], bool]]:
        with self._told("store._releases"):
            if self._one("SELECT to_regclass('store._releases')") == (None,):
                return []
            rows = self._connection.execute(
                "SELECT manifest, tables, is_served FROM store._releases"
                " ORDER BY is_served DESC, number DESC"
            ).fetchall()
        return [
            (
                Manifest.from_body(manifest),
                {name: _pieces(body) for name, body in tables.items()},
                is_served,
            )
            for manifest, tables, is_served in rows
        ]

    def _held(self, release: Manifest) -> tuple[Mapping[str, Pieces], bool]:
        """Return the pieces behind each name of ``release``, and whether readers see them."""
        for each, pieces, is_served in self._releases():
            if each == release:
                return pieces, is_served
        raise StoreUnusable(self.name, release.id, "is not kept")

    def _served_names(self) -> list[str]:
        """Return the views that are ours."""
        return next((list(pieces) for _, pieces, served in self._releases() if served), [])

    def _unneeded(self) -> list[str]:
        wanted = _names(each for _, pieces, _ in self._releases() for each in pieces.values())
        return sorted(self._tables() - wanted)

    def _tables(self) -> set[str]:
        with self._told("store"):
            rows = self._connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'store'"
                " AND tablename <> '_releases'"
            ).fetchall()
        return {row[0] for row in rows}

    def _one(self, query: str | Composed) -> TupleRow | None:
        cursor = self._connection.execute(SQL(query) if isinstance(query, str) else query)
        return cursor.fetchone()

    @contextmanager
    def _told(self, place: str) -> Iterator[None]:
        """Say what Postgres or the engine that feeds it refuses in one line."""
        try:
            yield
        except (psycopg.Error, duckdb.Error) as error:
            raise StoreUnusable(self.name, place, why(error), self._advice(error)) from error

    def _advice(self, error: psycopg.Error | duckdb.Error) -> str:
        return full_disk.advice(error) or (AT_REACH if self._connection.closed else "")


def _pieces(body: str | Sequence[Mapping[str, Any]]) -> Pieces:
    """Return the pieces as they were kept; before there were any, a table's name was."""
    if isinstance(body, str):
        return (Piece(body),)
    return tuple(map(Piece.from_body, body))


def _names(found: Iterable[Pieces]) -> set[str]:
    return {each.table for pieces in found for each in pieces}
