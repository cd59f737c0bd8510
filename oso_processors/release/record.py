"""What a release says of itself: `_releases`, `_tables` and `_columns`, published like any table."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from oso_processors.stores import Manifest, Output
from oso_processors.tables import Column, Table

DESCRIPTIONS = {
    "_releases": "One row is a release: one published, verified, numbered set of tables.",
    "_tables": "One row is a table of the release that is served.",
    "_columns": "One row is a column of a table of the release that is served.",
}
COLUMNS = {
    "_releases": (
        Column("release_id", "VARCHAR", "The release, such as r7."),
        Column("release_number", "BIGINT", "Its number; a newer release has a larger one."),
        Column("released_at", "TIMESTAMP WITH TIME ZONE", "When it was made, in UTC."),
        Column("table_count", "BIGINT", "How many tables it holds, these three left out."),
        Column("reason", "VARCHAR", "Why it was made, where it was not for new data alone."),
    ),
    "_tables": (
        Column("table_name", "VARCHAR", "The table."),
        Column("release_id", "VARCHAR", "The release that it is part of."),
        Column("model", "VARCHAR", "The model whose rows it holds."),
        Column("row_count", "BIGINT", "How many rows it has."),
        Column("checksum", "VARCHAR", "The checksum of its rows, the same in every store."),
        Column("grain", "VARCHAR", "The columns that make a row unique, separated by commas."),
        Column("tier", "VARCHAR", "stable: promised not to break; preview: may change."),
        Column("owner", "VARCHAR", "Who answers for it."),
        Column("licence", "VARCHAR", "The licence of its rows."),
        Column("description", "VARCHAR", "What one row is about."),
    ),
    "_columns": (
        Column("table_name", "VARCHAR", "The table."),
        Column("position", "BIGINT", "The column's place, from 1."),
        Column("column_name", "VARCHAR", "The column."),
        Column("data_type", "VARCHAR", "Its type in the warehouse."),
        Column("description", "VARCHAR", "What it holds."),
    ),
}
GRAINS = {
    "_releases": ("release_id",),
    "_tables": ("table_name",),
    "_columns": ("table_name", "column_name"),
}


def record(
    connection: duckdb.DuckDBPyConnection,
    release: Manifest,
    outputs: Sequence[Output],
) -> list[Table]:
    """Return the release's own tables, as queries over what is known of it."""
    releases = [
        (f"r{each.number}", each.number, each.released_at, each.table_count, each.reason)
        for each in release.remembered()
    ]
    tables = [
        (
            each.name,
            release.id,
            each.table.model,
            each.row_count,
            each.checksum,
            ", ".join(each.table.grain),
            each.about.get("tier", ""),
            each.about.get("owner", ""),
            each.about.get("licence", ""),
            each.table.description,
        )
        for each in outputs
    ]
    columns = [
        (each.name, position, column.name, column.type, column.description)
        for each in outputs
        for position, column in enumerate(each.table.columns, 1)
    ]
    rows: dict[str, Sequence[tuple[object, ...]]] = {
        "_releases": releases,
        "_tables": tables,
        "_columns": columns,
    }
    return [_table(connection, name, found) for name, found in rows.items()]


def _table(
    connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[tuple[object, ...]]
) -> Table:
    columns = COLUMNS[name]
    typed = ", ".join(f'"{each.name}" {each.type}' for each in columns)
    # Fully named and not temporary, since the copy runs on a cursor of its own.
    database = connection.execute("SELECT current_database()").fetchall()[0][0]
    place = f'"{database}".release."{name}"'
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{database}".release')
    connection.execute(f"CREATE OR REPLACE TABLE {place} ({typed})")
    if rows:
        marks = ", ".join("?" for _ in columns)
        connection.executemany(f"INSERT INTO {place} VALUES ({marks})", rows)
    listed = ", ".join(f'"{each.name}"' for each in columns)
    return Table(
        name=name,
        model="release",
        query=f"SELECT {listed} FROM {place}",
        columns=columns,
        grain=GRAINS[name],
        description=DESCRIPTIONS[name],
        fingerprint=name,
    )
