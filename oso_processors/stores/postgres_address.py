"""How a Postgres is reached, and how what it refuses is told in one line."""

from __future__ import annotations

import os

import duckdb
import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from oso_processors.errors import PostgresUnavailable
from oso_processors.stores.file_lock import process

# What listens at an address may be no Postgres, and silent.
CONNECT_SECONDS = 15
# The first whose `public` is closed to strangers.
OLDEST_VERSION = 15


def connected(dsn: str) -> Connection[TupleRow]:
    """Connect; raise `PostgresUnavailable`, also where the server is too old."""
    try:
        connection = psycopg.connect(
            _in_time(dsn), autocommit=True, fallback_application_name=process()
        )
    except psycopg.Error as error:
        raise PostgresUnavailable(place(dsn), _why_not(error)) from None
    version = connection.info.server_version
    if version < OLDEST_VERSION * 10_000:
        connection.close()
        found = f"{version // 10_000}.{version % 10_000}"
        reason = f"is Postgres {found}, and {OLDEST_VERSION} or later is needed"
        raise PostgresUnavailable(place(dsn), reason)
    return connection


def _in_time(dsn: str) -> str:
    """Return the address, with a limit to the wait for an answer unless a person has set one."""
    if "connect_timeout" in conninfo_to_dict(dsn) or "PGCONNECT_TIMEOUT" in os.environ:
        return dsn
    return make_conninfo(dsn, connect_timeout=CONNECT_SECONDS)


def place(dsn: str) -> str:
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


def why(error: psycopg.Error | duckdb.Error) -> str:
    """Return the first line of what went wrong, with Postgres's own detail."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    detail = error.diag.message_detail if isinstance(error, psycopg.Error) else None
    return f"{lines[0]}: {detail}" if detail else lines[0]
