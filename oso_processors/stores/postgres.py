"""Publish in Postgres: content-named tables behind views that are switched in one transaction.

Readers are granted the views in `public` only. The tables behind them live in the schema `store`, named
for their content, so that what did not change is not copied again and a retry finds its own work.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier, Literal
from psycopg.types.json import Jsonb

from oso_processors import checksum
from oso_processors.errors import (
    Mismatch,
    PostgresUnavailable,
    ReadersInTheWay,
    ReleaseLocked,
    StoreUnusable,
)
from oso_processors.stores import Manifest, Measured, Output, views
from oso_processors.stores.copying import copy
from oso_processors.tables import Column

TYPES = {
    "text": "text",
    "whole": "bigint",
    "boolean": "boolean",
    "date": "date",
    "moment": "timestamp with time zone",
    "texts": "character varying[]",
}
LOCK = 7_062_113_001
# A killed run's server process notices within a second that nobody is there any more.
LOCK_SECONDS = 3.0
SWITCH_ATTEMPTS = 40
# What listens at an address may be no Postgres, and silent.
CONNECT_SECONDS = 15
SESSION = """
SET TimeZone = 'UTC';
SET client_min_messages = warning;
SET client_connection_check_interval = '500ms';
"""
SETUP = f"""
CREATE SCHEMA IF NOT EXISTS store;
REVOKE ALL ON SCHEMA store FROM PUBLIC;
CREATE TABLE IF NOT EXISTS store._releases (
  number bigint PRIMARY KEY,
  manifest jsonb NOT NULL,
  tables jsonb NOT NULL,
  is_served boolean NOT NULL
);
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{views.READER}') THEN
    CREATE ROLE {views.READER} NOLOGIN;
    ALTER ROLE {views.READER} SET statement_timeout = '60s';
  END IF;
END $$;
GRANT USAGE ON SCHEMA public TO {views.READER};
"""


class PostgresStore:
    """The Postgres store at the address ``dsn``."""

    name = "postgres"

    def __init__(self, dsn: str) -> None:
        """Connect; raise `PostgresUnavailable`, or `ReleaseLocked` when another release is made."""
        place = _place(dsn)
        try:
            self._connection: Connection[TupleRow] = psycopg.connect(_in_time(dsn), autocommit=True)
        except psycopg.Error as error:
            raise PostgresUnavailable(place, _why_not(error)) from None
        try:
            self._connection.execute(SESSION)
            self._lock()
            self._connection.execute(SETUP)
        except psycopg.Error as error:
            self.close()
            raise PostgresUnavailable(place, _why(error)) from error
        except ReleaseLocked:
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
        there = self._tables()
        return [
            each
            for each, tables, is_served in self._releases()
            if is_served or set(tables.values()) <= there
        ]

    def ready(self, outputs: Sequence[Output]) -> None:
        """Raise `StoreUnusable` when the views of ``outputs`` could not be switched."""
        with self._told("public"):
            ours = self._served_tables()
            kept = {each.name for each in outputs if self._can_replace(each)}
            views.refuse_what_is_not_ours(
                self._connection, [o.name for o in outputs if o.name not in ours]
            )
            views.refuse_what_others_need(self._connection, sorted(set(ours) - kept))

    def build(
        self, connection: duckdb.DuckDBPyConnection, release: Manifest, output: Output
    ) -> None:
        """Copy the table beside what is served, with its indexes, in one transaction."""
        if _table(output) in self._tables():
            return
        with self._told(output.name), self._connection.transaction():
            self._connection.execute(_create(output))
            copied = copy(connection, output.table.query, self._connection, _identifier(output))
            if copied != output.row_count:
                expected, found = f"{output.row_count:,}", f"{copied:,}"
                raise Mismatch(self.name, output.name, "the number of rows copied", expected, found)
            for statement in _finish(output, output.options[self.name].get("indexes", ())):
                self._connection.execute(statement)

    def measure(self, release: Manifest, output: Output) -> Measured:
        """Read back the table that was built."""
        with self._told(output.name):
            source = f'store."{_table(output)}"'
            found = self._one(checksum.postgres_sql(output.table, source))
            return Measured(checksum.text(found), self._columns(output), self._has_grain(output))

    def publish(self, release: Manifest, outputs: Sequence[Output]) -> None:
        """Switch every view to ``release`` in one transaction; raise `ReadersInTheWay`."""
        with self._told("public"):
            switch = SQL(";\n").join(self._switch(release, outputs))
            for attempt in range(SWITCH_ATTEMPTS):
                try:
                    with self._connection.transaction():
                        self._connection.execute(switch)
                    return
                except LockNotAvailable:
                    # Readers come first: a waiting switch would make later readers wait with it.
                    time.sleep(min(2.0, 0.05 * 2**attempt) * random.uniform(0.5, 1.5))  # noqa: S311
        raise ReadersInTheWay(SWITCH_ATTEMPTS)

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
            wanted = {name for _, tables, _ in self._releases() for name in tables.values()}
            for name in sorted(self._tables() - wanted):
                self._drop(name)

    def _lock(self) -> None:
        end = time.monotonic() + LOCK_SECONDS
        while not (row := self._one(f"SELECT pg_try_advisory_lock({LOCK})")) or not row[0]:
            if time.monotonic() > end:
                raise ReleaseLocked(self.name)
            time.sleep(0.1)

    def _drop(self, name: str) -> None:
        try:
            with self._connection.transaction():
                self._connection.execute("SET LOCAL lock_timeout = '200ms'")
                self._connection.execute(SQL("DROP TABLE {}").format(Identifier("store", name)))
        except LockNotAvailable:
            return

    def _switch(self, release: Manifest, outputs: Sequence[Output]) -> list[Composed]:
        """Return the SQL of the switch, its views in name order so that no two can deadlock."""
        tables = {each.name: each for each in outputs}
        statements = [SQL("SET LOCAL lock_timeout = '200ms'").format()]
        for name in sorted({*tables, *self._served_tables()}):
            if name not in tables:
                statements.append(views.dropped(name))
                continue
            output = tables[name]
            statements += views.shown(
                self._connection, output, _identifier(output), self._can_replace(output)
            )
        held = {name: _table(each) for name, each in tables.items()}
        statements += [
            SQL("UPDATE store._releases SET is_served = false WHERE is_served").format(),
            SQL(
                "INSERT INTO store._releases VALUES ({number}, {manifest}, {tables}, true)"
                " ON CONFLICT (number) DO UPDATE SET manifest = excluded.manifest,"
                " tables = excluded.tables, is_served = true"
            ).format(
                number=Literal(release.number),
                manifest=Literal(Jsonb(release.body())),
                tables=Literal(Jsonb(held)),
            ),
        ]
        return statements

    def _can_replace(self, output: Output) -> bool:
        now = views.columns(self._connection, "public", output.name)
        return views.can_replace(now, _columns(output))

    def _columns(self, output: Output) -> list[str]:
        """Return the columns as the warehouse says them, where the type is the one that belongs."""
        wanted = dict(_columns(output))
        types = {each.name: each.type for each in output.table.columns}
        found = views.columns(self._connection, "store", _table(output))
        return [
            f"{name} {types[name] if wanted.get(name) == kind else kind}" for name, kind in found
        ]

    def _has_grain(self, output: Output) -> bool:
        """Say whether the unique index is there; its columns are NOT NULL as they were made."""
        found = self._one(
            SQL(
                "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass({})"
                " AND indisunique AND indisvalid"
            ).format(Literal(f'store."{_index(output, output.table.grain)}"'))
        )
        return bool(found and found[0])

    def _releases(self) -> list[tuple[Manifest, Mapping[str, str], bool]]:
        rows = self._connection.execute(
            "SELECT manifest, tables, is_served FROM store._releases"
            " ORDER BY is_served DESC, number DESC"
        ).fetchall()
        return [(Manifest.from_body(row[0]), row[1], row[2]) for row in rows]

    def _served_tables(self) -> Mapping[str, str]:
        """Return the views that are ours, each with the table behind it."""
        return next((tables for _, tables, is_served in self._releases() if is_served), {})

    def _tables(self) -> set[str]:
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
            raise StoreUnusable(self.name, place, _why(error)) from error


def _create(output: Output) -> Composed:
    columns = [
        SQL("{} {}{}").format(
            Identifier(name), SQL(kind), SQL(" NOT NULL" if name in output.table.grain else "")
        )
        for name, kind in _columns(output)
    ]
    return SQL("CREATE TABLE {} ({})").format(_identifier(output), SQL(", ").join(columns))


def _finish(output: Output, indexes: Iterable[Sequence[str]]) -> list[Composed]:
    """Return the SQL for the unique index on the grain, which proves it, and all that follows."""
    table = _identifier(output)
    grain = tuple(output.table.grain)
    declared = {tuple(each): None for each in indexes if tuple(each) != grain}
    made = [
        SQL("CREATE {} {} ON {} ({})").format(
            SQL("UNIQUE INDEX" if columns == grain else "INDEX"),
            Identifier(_index(output, columns)),
            table,
            SQL(", ").join(map(Identifier, columns)),
        )
        for columns in (grain, *declared)
    ]
    return [*made, *views.described("TABLE", table, output), SQL("ANALYZE {}").format(table)]


def _table(output: Output) -> str:
    """Return the table's name; Postgres keeps 63 bytes of it."""
    return f"{output.name[:46]}__{output.digest[:12]}"


def _identifier(output: Output) -> Identifier:
    return Identifier("store", _table(output))


def _index(output: Output, columns: Sequence[str]) -> str:
    key = hashlib.sha256("\0".join([output.name, output.digest, *columns]).encode()).hexdigest()
    return f"{output.name[:46]}__{key[:12]}"


def _columns(output: Output) -> list[tuple[str, str]]:
    return [(each.name, _type(each, output.name)) for each in output.table.columns]


def _type(column: Column, table: str) -> str:
    kind = checksum.kind(column, table)
    if kind != "decimal":
        return TYPES[kind]
    found = checksum.DECIMAL.fullmatch(column.type)
    return f"numeric({found[1]},{found[2]})" if found else "numeric"


def _in_time(dsn: str) -> str:
    """Return the address, with a limit to the wait for an answer unless a person has set one."""
    if "connect_timeout" in conninfo_to_dict(dsn) or "PGCONNECT_TIMEOUT" in os.environ:
        return dsn
    return make_conninfo(dsn, connect_timeout=CONNECT_SECONDS)


def _place(dsn: str) -> str:
    """Name a server without what is secret in its address."""
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.Error:
        return "OSO_POSTGRES_DSN"
    host = parts.get("host") or parts.get("hostaddr") or "localhost"
    port = f":{parts['port']}" if "port" in parts else ""
    return f"{host}{port}/{parts.get('dbname') or ''}"


def _why_not(error: psycopg.Error) -> str:
    """Return why there is no connection, without the address, which may be given several times."""
    return str(error).strip().splitlines()[0].rpartition(" failed: ")[2]


def _why(error: psycopg.Error | duckdb.Error) -> str:
    """Return the first line of what went wrong, with Postgres's own detail."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    detail = error.diag.message_detail if isinstance(error, psycopg.Error) else None
    return f"{lines[0]}: {detail}" if detail else lines[0]
