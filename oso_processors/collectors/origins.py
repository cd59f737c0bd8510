"""Where a source's raw rows come from. A warehouse holds one origin of each source at a time.

A folder can be collected again, so its rows give way to those of another origin. What was collected by
sources.yaml may have cost days, so it never gives way by itself.
"""

from __future__ import annotations

import duckdb

from oso_processors.collectors.lander import create_raw_tables
from oso_processors.errors import OriginKept
from oso_processors.sql import literal

DECLARED = "sources.yaml"


def enter(connection: duckdb.DuckDBPyConnection, source: str, origin: str) -> None:
    """Make ``origin`` the origin of ``source``, and forget the rows of another one.

    Raise `OriginKept` when those were collected by sources.yaml.
    """
    create_raw_tables(connection)
    own = f"source = {literal(source)}"
    found = connection.execute(f"SELECT origin FROM raw._origins WHERE {own}").fetchone()
    if found is not None and found[0] == origin:
        return
    if found is not None and found[0] == DECLARED:
        raise OriginKept(source, origin)
    connection.execute("BEGIN")
    if found is not None:
        _forget(connection, source)
    connection.execute("INSERT INTO raw._origins VALUES (?, ?)", [source, origin])
    connection.execute("COMMIT")


def collected(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Write down that ``source`` was just collected to its end, whether or not it had anything new."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS raw._collected (source VARCHAR, collected_at TIMESTAMPTZ)"
    )
    connection.execute("BEGIN")
    connection.execute(f"DELETE FROM raw._collected WHERE source = {literal(source)}")
    connection.execute(f"INSERT INTO raw._collected VALUES ({literal(source)}, now())")
    connection.execute("COMMIT")


def _forget(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'"
        " AND starts_with(table_name, ?)",
        [f"{source}__"],
    ).fetchall()
    for (name,) in tables:
        connection.execute(f'DELETE FROM raw."{name}"')
    for name in ("_origins", "_state", "gaps", "rejects"):
        connection.execute(f'DELETE FROM raw."{name}" WHERE source = ?', [source])
    # Without a whole build on record, everything is built again.
    if connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name = '_builds'"
    ).fetchone():
        connection.execute("DELETE FROM raw._builds")
