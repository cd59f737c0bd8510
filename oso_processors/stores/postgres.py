"""Publish in Postgres: content-named tables behind views that are switched in one transaction.

Readers are granted the views in `public` only. The tables behind them live in the schema `store`, named
for their content, so that what did not change is not copied again and a retry finds its own work.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import psycopg
from psycopg import Connection
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier, Literal
from psycopg.types.json import Jsonb

from oso_processors import checksum
from oso_processors.errors import Mismatch, PostgresUnavailable, ReadersInTheWay, ReleaseLocked
from oso_processors.stores import Manifest, Measured, Output
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
SWITCH_ATTEMPTS = 40
SETUP = """
CREATE SCHEMA IF NOT EXISTS store;
REVOKE ALL ON SCHEMA store FROM PUBLIC;
CREATE TABLE IF NOT EXISTS store._releases (
  number bigint PRIMARY KEY,
  manifest jsonb NOT NULL,
  is_served boolean NOT NULL
);
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'oso_reader') THEN
    CREATE ROLE oso_reader NOLOGIN;
    ALTER ROLE oso_reader SET statement_timeout = '60s';
  END IF;
END $$;
GRANT USAGE ON SCHEMA public TO oso_reader;
"""


class PostgresStore:
    """The Postgres store at the address ``dsn``."""

    name = "postgres"

    def __init__(self, dsn: str) -> None:
        """Connect; raise `PostgresUnavailable`, or `ReleaseLocked` when another release is made."""
        try:
            self._connection: Connection[TupleRow] = psycopg.connect(dsn, autocommit=True)
        except psycopg.OperationalError as error:
            raise PostgresUnavailable(dsn, str(error).strip().splitlines()[-1]) from None
        row = self._one(SQL("SELECT pg_try_advisory_lock({})").format(LOCK))
        if not row or not row[0]:
            self._connection.close()
            raise ReleaseLocked("postgres")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET client_min_messages = warning")
        self._connection.execute(SETUP)

    def close(self) -> None:
        """Let go of the lock and the connection."""
        self._connection.close()

    def served(self) -> Manifest | None:
        """Return the release whose views readers see."""
        return next((each for each, is_served in self._releases() if is_served), None)

    def kept(self) -> Sequence[Manifest]:
        """Return the release served, and those before it whose tables are all there."""
        tables = self._tables()
        return [
            each
            for each, is_served in self._releases()
            if is_served or {_table(name, d) for name, d in each.digests.items()} <= tables
        ]

    def build(
        self, connection: duckdb.DuckDBPyConnection, release: Manifest, output: Output
    ) -> None:
        """Copy the table beside what is served, with its indexes, in one transaction."""
        options = output.options.get(self.name)
        if options is None or _table(output.name, output.digest) in self._tables():
            return
        table = _identifier(output)
        with self._connection.transaction():
            self._connection.execute(self._create(output))
            copied = copy(connection, output.table.query, self._connection, table)
            if copied != output.row_count:
                expected, found = f"{output.row_count:,}", f"{copied:,}"
                raise Mismatch(self.name, output.name, "the number of rows copied", expected, found)
            self._index(output, options.get("indexes", ()))
            self._describe(SQL("TABLE {}").format(table), table, output)
            self._connection.execute(SQL("ANALYZE {}").format(table))

    def measure(self, release: Manifest, output: Output) -> Measured:
        """Read back the table that was built."""
        source = f'store."{_table(output.name, output.digest)}"'
        found = self._one(checksum.postgres_sql(output.table, source))
        return Measured(checksum.text(found), self._columns(output), self._has_grain(output))

    def publish(self, release: Manifest, outputs: Sequence[Output]) -> None:
        """Switch every view to ``release`` in one transaction; raise `ReadersInTheWay`."""
        chosen = sorted((o for o in outputs if self.name in o.options), key=lambda each: each.name)
        for attempt in range(SWITCH_ATTEMPTS):
            try:
                with self._connection.transaction():
                    self._switch(release, chosen)
                return
            except LockNotAvailable:
                # Readers come first: a waiting switch would make all later readers wait with it.
                time.sleep(min(2.0, 0.05 * 2**attempt) * random.uniform(0.5, 1.5))  # noqa: S311
        raise ReadersInTheWay(SWITCH_ATTEMPTS)

    def sweep(self, keep: Iterable[Manifest]) -> None:
        """Drop the tables that no release in ``keep`` needs, and forget the other releases."""
        kept = list(keep)
        wanted = {_table(name, digest) for each in kept for name, digest in each.digests.items()}
        for name in sorted(self._tables() - wanted):
            self._connection.execute(SQL("DROP TABLE {}").format(Identifier("store", name)))
        numbers = [each.number for each in kept]
        self._connection.execute(
            "DELETE FROM store._releases WHERE NOT is_served AND NOT number = ANY (%s)", [numbers]
        )

    def _switch(self, release: Manifest, outputs: Sequence[Output]) -> None:
        self._connection.execute("SET LOCAL lock_timeout = '200ms'")
        published = {each.name for each in outputs}
        before = self.served()
        for gone in sorted(set(before.digests if before else ()) - published):
            view = Identifier("public", gone)
            self._connection.execute(SQL("DROP VIEW IF EXISTS {}").format(view))
        for output in outputs:
            self._show(output)
        self._connection.execute("UPDATE store._releases SET is_served = false WHERE is_served")
        body = {
            "number": release.number,
            "released_at": release.released_at,
            "digests": dict(release.digests),
        }
        self._connection.execute(
            "INSERT INTO store._releases VALUES (%s, %s, true)"
            " ON CONFLICT (number) DO UPDATE SET manifest = excluded.manifest, is_served = true",
            [release.number, Jsonb(body)],
        )

    def _show(self, output: Output) -> None:
        """Let the view show the output's table; keep what others were granted on it."""
        view = Identifier("public", output.name)
        grants = self._grants(output.name)
        if not self._can_replace(output):
            self._connection.execute(SQL("DROP VIEW IF EXISTS {}").format(view))
        columns = SQL(", ").join(Identifier(each.name) for each in output.table.columns)
        self._connection.execute(
            SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {}").format(
                view, columns, _identifier(output)
            )
        )
        for grantee, privilege in {("oso_reader", "SELECT"), *grants}:
            to = SQL("PUBLIC") if grantee == "" else Identifier(grantee)
            self._connection.execute(SQL("GRANT {} ON {} TO {}").format(SQL(privilege), view, to))
        self._describe(SQL("VIEW {}").format(view), view, output)

    def _can_replace(self, output: Output) -> bool:
        """Say whether the view's columns are a beginning of the new ones, as Postgres asks."""
        rows = self._connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 ORDER BY attnum",
            [f'public."{output.name}"'],
        ).fetchall()
        wanted = [(each.name, _type(each, output.name)) for each in output.table.columns]
        return [tuple(row) for row in rows] == wanted[: len(rows)]

    def _grants(self, name: str) -> set[tuple[str, str]]:
        rows = self._connection.execute(
            "SELECT coalesce(pg_roles.rolname, ''), privilege_type FROM pg_class,"
            " aclexplode(relacl) LEFT JOIN pg_roles ON pg_roles.oid = grantee"
            " WHERE pg_class.oid = to_regclass(%s) AND grantee <> relowner",
            [f'public."{name}"'],
        ).fetchall()
        return {(row[0], row[1]) for row in rows}

    def _create(self, output: Output) -> Composed:
        columns = [
            SQL("{} {}{}").format(
                Identifier(each.name),
                SQL(_type(each, output.name)),
                SQL(" NOT NULL" if each.name in output.table.grain else ""),
            )
            for each in output.table.columns
        ]
        return SQL("CREATE TABLE {} ({})").format(_identifier(output), SQL(", ").join(columns))

    def _index(self, output: Output, indexes: Iterable[Sequence[str]]) -> None:
        """Make the unique index on the grain, which proves it, and the declared ones."""
        table = _identifier(output)
        for unique, columns in [(True, output.table.grain), *((False, each) for each in indexes)]:
            kind = SQL("UNIQUE INDEX" if unique else "INDEX")
            listed = SQL(", ").join(map(Identifier, columns))
            self._connection.execute(
                SQL("CREATE {} {} ON {} ({})").format(
                    kind, Identifier(_index_name(output, columns)), table, listed
                )
            )

    def _describe(self, what: Composed, place: Identifier, output: Output) -> None:
        words = Literal(output.table.description)
        self._connection.execute(SQL("COMMENT ON {} IS {}").format(what, words))
        for column in output.table.columns:
            self._connection.execute(
                SQL("COMMENT ON COLUMN {}.{} IS {}").format(
                    place, Identifier(column.name), Literal(column.description)
                )
            )

    def _columns(self, output: Output) -> list[str]:
        """Return the columns as the warehouse says them, where the type is the one that belongs."""
        rows = self._connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 ORDER BY attnum",
            [f'store."{_table(output.name, output.digest)}"'],
        ).fetchall()
        wanted = {each.name: each for each in output.table.columns}
        return [
            f"{name} {wanted[name].type}"
            if name in wanted and _type(wanted[name], output.name) == found
            else f"{name} {found}"
            for name, found in rows
        ]

    def _has_grain(self, output: Output) -> bool:
        found = self._one(
            SQL(
                "SELECT count(*) FROM pg_index WHERE indrelid = to_regclass({})"
                " AND indisunique AND indisvalid"
            ).format(Literal(f'store."{_table(output.name, output.digest)}"'))
        )
        return bool(found and found[0])

    def _releases(self) -> list[tuple[Manifest, bool]]:
        rows = self._connection.execute(
            "SELECT manifest, is_served FROM store._releases ORDER BY is_served DESC, number DESC"
        ).fetchall()
        return [(_manifest(row[0]), row[1]) for row in rows]

    def _tables(self) -> set[str]:
        rows = self._connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'store'"
            " AND tablename <> '_releases'"
        ).fetchall()
        return {row[0] for row in rows}

    def _one(self, query: str | Composed) -> TupleRow | None:
        cursor = self._connection.execute(SQL(query) if isinstance(query, str) else query)
        return cursor.fetchone()


def _manifest(body: Mapping[str, Any]) -> Manifest:
    return Manifest(body["number"], body["released_at"], body["digests"])


def _table(name: str, digest: str) -> str:
    """Return the table's name; Postgres keeps 63 bytes of it."""
    return f"{name[:46]}__{digest[:12]}"


def _identifier(output: Output) -> Identifier:
    return Identifier("store", _table(output.name, output.digest))


def _index_name(output: Output, columns: Sequence[str]) -> str:
    key = hashlib.sha256("\0".join([output.name, output.digest, *columns]).encode()).hexdigest()
    return f"{output.name[:46]}__{key[:12]}"


def _type(column: Column, table: str) -> str:
    kind = checksum.kind(column, table)
    if kind != "decimal":
        return TYPES[kind]
    found = checksum.DECIMAL.fullmatch(column.type)
    return f"numeric({found[1]},{found[2]})" if found else "numeric"
