"""What a release says of itself: tables whose names begin with `_`, published like any other.

They are made once, with the release. A store that is brought up to a release later gets the very rows
that the files store has of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import duckdb

from oso_processors.release.changes import Change
from oso_processors.release.gaps import gaps_query
from oso_processors.stores import Manifest, Output
from oso_processors.tables import Column, Table

MOMENT = "TIMESTAMP WITH TIME ZONE"
DESCRIPTIONS = {
    "_releases": "One row is a release: one published, verified, numbered set of tables.",
    "_tables": "One row is a table of the release that is served.",
    "_columns": "One row is a column of a table of the release that is served.",
    "_changes": "One row is a table that a release changed, and how.",
    "_audits": "One row is an audit of one interval of a model, as it last ended.",
    "_gaps": "One row is something that the sources lack.",
}
COLUMNS = {
    "_releases": (
        Column("release_id", "VARCHAR", "The release, such as r7."),
        Column("release_number", "BIGINT", "Its number; a newer release has a larger one."),
        Column("released_at", MOMENT, "When it was made, in UTC."),
        Column(
            "table_count",
            "BIGINT",
            "How many tables it holds, those of the release itself left out.",
        ),
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
    "_changes": (
        Column("release_id", "VARCHAR", "The release that made the change."),
        Column("table_name", "VARCHAR", "The table."),
        Column(
            "change",
            "VARCHAR",
            "new, incremental, full, additive, breaking or removed; see the release plan.",
        ),
        Column(
            "rows_added", "BIGINT", "Rows whose grain was not there before; NULL where unknown."
        ),
        Column("rows_removed", "BIGINT", "Rows whose grain is there no more; NULL where unknown."),
        Column(
            "rows_changed",
            "BIGINT",
            "Rows with the same grain and other values; NULL where unknown.",
        ),
        Column("columns_added", "VARCHAR[]", "Columns that were not there before."),
        Column("columns_removed", "VARCHAR[]", "Columns that are there no more."),
        Column("columns_retyped", "VARCHAR[]", "Columns whose type is another."),
        Column(
            "commit", "VARCHAR", "The commit of the models, with + when there were changes on top."
        ),
    ),
    "_audits": (
        Column("model", "VARCHAR", "The model."),
        Column("position", "BIGINT", "The audit's place in the model's header, from 1."),
        Column("audit", "VARCHAR", "The audit's name."),
        Column("starts_at", MOMENT, "Where the interval begins that was audited."),
        Column("ends_at", MOMENT, "Where it ends."),
        Column("passed", "BOOLEAN", "Whether nothing was found."),
        Column("bad_rows", "BIGINT", "How many rows were found."),
        Column("milliseconds", "BIGINT", "How long building and auditing the interval took."),
        Column("audited_at", MOMENT, "When it ended, in UTC."),
    ),
    "_gaps": (
        Column("gap", "BIGINT", "The gap's number in this release."),
        Column("source", "VARCHAR", "The source."),
        Column("stream", "VARCHAR", "The stream that lacks something."),
        Column(
            "started_at",
            MOMENT,
            "Where the missing time begins; NULL where it is no time that is missing.",
        ),
        Column("ended_at", MOMENT, "Where it ends."),
        Column("reason", "VARCHAR", "Why it is missing."),
        Column(
            "subject",
            "VARCHAR",
            "What is missing or lacks it: a file, a repository, the form of an hour, or how much.",
        ),
    ),
}
GRAINS = {
    "_releases": ("release_id",),
    "_tables": ("table_name",),
    "_columns": ("table_name", "column_name"),
    "_changes": ("release_id", "table_name"),
    "_audits": ("model", "position", "starts_at", "ends_at"),
    "_gaps": ("gap",),
}
# Own tables that builds and collectors fill, so that they are told by the warehouse.
FROM_WAREHOUSE = ("_audits", "_gaps")
AUDITS = (
    "SELECT model, position, audit, starts_at, ends_at, passed, bad_rows, milliseconds,"
    " audited_at FROM raw._audits"
)

Rows = Sequence[tuple[object, ...]]


def record(
    connection: duckdb.DuckDBPyConnection,
    release: Manifest,
    outputs: Sequence[Output],
    changes: Iterable[Change],
    past_changes: str | None,
) -> list[Table]:
    """Return the release's own tables, as queries over what is known of it.

    ``past_changes`` is where the `_changes` of the release before are read, if they can be.
    """
    rows: dict[str, Rows] = {
        "_releases": [
            (f"r{each.number}", each.number, each.released_at, each.table_count, each.reason)
            for each in release.remembered()
        ],
        "_tables": _tables(release, outputs),
        "_columns": [
            (each.name, position, column.name, column.type, column.description)
            for each in outputs
            for position, column in enumerate(each.table.columns, 1)
        ],
        "_changes": [each.row(release.id) for each in changes],
    }
    made = [_filled(connection, _own(name), found) for name, found in rows.items()]
    made += [
        _filled(connection, _own(name), (), query) for name, query in _kept(connection).items()
    ]
    if past_changes is not None:
        _fill(connection, "_changes", f"FROM {past_changes}")
    return made


def again(
    connection: duckdb.DuckDBPyConnection, release: Manifest, sources: Mapping[str, str]
) -> list[Table]:
    """Return the own tables of a release that is there already, from ``sources`` of their rows.

    They are what they were, though a later version of ours gives them other columns or words.
    """
    told = {each.name: each.table for each in release.outputs() if each.name in sources}
    return [
        _filled(
            connection, replace(told[name], model="release", fingerprint=name), (), f"FROM {place}"
        )
        for name, place in sources.items()
    ]


def _tables(release: Manifest, outputs: Sequence[Output]) -> Rows:
    return [
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


def _kept(connection: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    """Return the query of each own table that builds and collectors fill; None where they never ran."""
    there = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
        " AND schema_name = 'raw' AND table_name = '_audits'"
    ).fetchall()
    return {"_audits": AUDITS if there else None, "_gaps": gaps_query(connection)}


def _own(name: str) -> Table:
    return Table(name, "release", "", COLUMNS[name], GRAINS[name], DESCRIPTIONS[name], name)


def _filled(
    connection: duckdb.DuckDBPyConnection, table: Table, rows: Rows, query: str | None = None
) -> Table:
    """Return ``table`` with where its rows are now."""
    typed = ", ".join(f'"{each.name}" {each.type}' for each in table.columns)
    place = _place(connection, table.name)
    connection.execute(f"CREATE OR REPLACE TABLE {place} ({typed})")
    if rows:
        marks = ", ".join("?" for _ in table.columns)
        connection.executemany(f"INSERT INTO {place} VALUES ({marks})", rows)
    if query is not None:
        _fill(connection, table.name, query)
    listed = ", ".join(f'"{each.name}"' for each in table.columns)
    return replace(table, query=f"SELECT {listed} FROM {place}")


def _fill(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    connection.execute(f"INSERT INTO {_place(connection, name)} BY NAME {query}")


def _place(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Return the whole name of a table that is not temporary, since the copy runs on another cursor."""
    database = connection.execute("SELECT current_database()").fetchall()[0][0]
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{database}".release')
    return f'"{database}".release."{name}"'
