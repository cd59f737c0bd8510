"""What was measured of outputs, day by day, is kept in the warehouse.

So only what was built since is read again, and two contents are compared without reading either. A
content is named by its digest; a table whose builds nobody knows is read whole each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from oso_processors import checksum
from oso_processors.days import Span, union, within
from oso_processors.sql import literal
from oso_processors.tables import Column, DayRow, Table

# The content that is served, that which is being released, and one taken back.
KEPT = 3
DAYS = (
    "day DATE, row_count BIGINT, first HUGEINT, second HUGEINT, byte_count BIGINT, nul_count BIGINT"
)
LEDGER = f"""
CREATE SCHEMA IF NOT EXISTS raw;
CREATE TABLE IF NOT EXISTS raw._measured (
  query VARCHAR, name VARCHAR, digest VARCHAR, builds VARCHAR[], measured_at TIMESTAMPTZ
);
CREATE TABLE IF NOT EXISTS raw._measured_days (digest VARCHAR, {DAYS});
"""
# The days that were measured last, until they are kept.
MEASURING = f"CREATE OR REPLACE TEMP TABLE measuring ({DAYS})"
# What a text or a list of texts has besides the characters that every store can hold.
HAS_NUL = {
    "text": """contains("{0}", chr(0))""",
    "texts": """contains(array_to_string("{0}", ''), chr(0))""",
}
WITHOUT_NUL = {
    "text": """replace("{0}", chr(0), '')""",
    "texts": """list_transform("{0}", lambda x: replace(x, chr(0), ''))""",
}
TEXT_BYTES = {
    "text": """coalesce(strlen("{0}"), 0)""",
    "texts": """coalesce(strlen(array_to_string("{0}", '')), 0)""",
}


@dataclass(frozen=True, slots=True)
class Day:
    """The rows of one day, or all of a table's where `day` is None: how many, the two sums of their
    checksum, the bytes of their texts, and how many values had a NUL character."""

    day: date | None
    row_count: int
    first: int
    second: int
    byte_count: int
    nul_count: int

    @property
    def checksum(self) -> str:
        """The checksum of its rows."""
        return checksum.text((self.row_count, self.first, self.second))


def measure(connection: duckdb.DuckDBPyConnection, table: Table, column: str | None) -> list[Day]:
    """Return the days of ``table`` by ``column``, or all of it as one where that is None."""
    if table.builds is None and column is None:
        return [Day(*row) for row in connection.execute(_read(table, column)).fetchall()]
    connection.execute(LEDGER)
    connection.execute(MEASURING)
    digest, built = _last(connection, table, column)
    if digest is None:
        connection.execute(f"INSERT INTO measuring {_read(table, column)}")
    else:
        connection.execute(
            f"INSERT INTO measuring SELECT * EXCLUDE (digest) FROM raw._measured_days"
            f" WHERE digest = {literal(digest)} AND NOT {within(built, 'day')}"
        )
        if built and column:
            connection.execute(f"INSERT INTO measuring {_read(table, column, built)}")
    return [Day(*row) for row in connection.execute("FROM measuring ORDER BY day").fetchall()]


def keep(
    connection: duckdb.DuckDBPyConnection, table: Table, column: str | None, digest: str
) -> None:
    """Write down what `measure` has just found, as the content ``digest``."""
    if table.builds is None and column is None:
        return
    builds = sorted(table.builds.days) if table.builds else []
    query, name, content = _query(table, column), literal(table.name), literal(digest)
    listed = f"[{', '.join(map(literal, builds))}]::VARCHAR[]"
    same = f"name = {name} AND digest = {content}"
    known = f"SELECT 1 FROM raw._measured WHERE {same} AND query = '{query}' AND builds = {listed}"
    if connection.execute(known).fetchone():
        return
    connection.execute("BEGIN")
    connection.execute(f"DELETE FROM raw._measured WHERE {same}")
    connection.execute(f"DELETE FROM raw._measured_days WHERE digest = {content}")
    connection.execute(f"INSERT INTO raw._measured_days SELECT {content}, * FROM measuring")
    connection.execute(
        f"INSERT INTO raw._measured VALUES ('{query}', {name}, {content}, {listed}, now())"
    )
    connection.execute(
        f"DELETE FROM raw._measured WHERE name = {name} AND rowid NOT IN (SELECT rowid FROM"
        f" raw._measured WHERE name = {name} ORDER BY rowid DESC LIMIT {KEPT})"
    )
    connection.execute(
        "DELETE FROM raw._measured_days WHERE digest NOT IN (SELECT digest FROM raw._measured)"
    )
    connection.execute("COMMIT")


def forget(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Let all rows of the tables ``names`` be read when they are measured next."""
    connection.execute(LEDGER)
    for name in names:
        connection.execute(f"UPDATE raw._measured SET query = '' WHERE name = {literal(name)}")


def drop(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Know nothing any more of the tables ``names``, so that the next release has them whole."""
    connection.execute(LEDGER)
    for name in names:
        connection.execute(f"DELETE FROM raw._measured WHERE name = {literal(name)}")
    connection.execute(
        "DELETE FROM raw._measured_days WHERE digest NOT IN (SELECT digest FROM raw._measured)"
    )


def days_of(connection: duckdb.DuckDBPyConnection, digest: str) -> dict[date, str]:
    """Return the checksum of each day of a content; none when it is not known here."""
    connection.execute(LEDGER)
    rows = connection.execute(
        "SELECT day, row_count, first, second FROM raw._measured_days"
        f" WHERE digest = {literal(digest)} AND day IS NOT NULL"
    ).fetchall()
    return {day: checksum.text(sums) for day, *sums in rows}


def without_nul(table: Table) -> list[str]:
    """Return each text column of ``table`` without its NUL characters, for a `REPLACE`."""
    return [
        f'CASE WHEN {HAS_NUL[kind]} THEN {WITHOUT_NUL[kind]} ELSE "{{0}}" END AS "{{0}}"'.format(
            name
        )
        for kind, name in _texts(table)
    ]


def replaced(query: str, columns: Iterable[str]) -> str:
    """Return ``query`` with some of its columns made anew."""
    listed = ", ".join(columns)
    return f"SELECT * REPLACE ({listed}) FROM ({query})" if listed else query


def _last(
    connection: duckdb.DuckDBPyConnection, table: Table, column: str | None
) -> tuple[str | None, tuple[Span, ...]]:
    """Return the content that was measured last, and what was built since.

    No content when none was, or when all of it was built again.
    """
    row = connection.execute(
        f"SELECT digest, builds FROM raw._measured WHERE query = '{_query(table, column)}'"
        " ORDER BY rowid DESC LIMIT 1"
    ).fetchone()
    if row is None or table.builds is None:
        return None, ()
    since = [span for name, span in table.builds.days.items() if name not in row[1]]
    spans = [span for span in since if span is not None]
    if since and (len(spans) < len(since) or column is None or column != table.builds.column):
        return None, ()
    return row[0], union(spans)


def _read(table: Table, column: str | None, chosen: Sequence[Span] = ()) -> str:
    """Return the query that measures the rows of ``table``, all or those of the days ``chosen``."""
    if table.elsewhere is not None:
        return _listed(table.elsewhere.days(table, column, chosen))
    texts = _texts(table)
    where = f"WHERE {within(chosen, column)}" if chosen and column else ""
    nuls = " + ".join(f"coalesce({HAS_NUL[kind]}, false)::INT".format(name) for kind, name in texts)
    sizes = " + ".join(TEXT_BYTES[kind].format(name) for kind, name in texts)
    day = f'"{column}"' if column else "NULL::DATE"
    rows = f"SELECT *, {nuls or 0} AS _nul_count FROM ({table.query}) {where}"
    hashed = (
        f"SELECT {day} AS day, {checksum.duckdb_hash(table)} AS hash, {sizes or 0} AS byte_count,"
        f" _nul_count FROM ({replaced(rows, without_nul(table))})"
    )
    return (
        f"SELECT day, {checksum.DUCKDB_SUMS}, sum(byte_count), sum(_nul_count) FROM ({hashed})"
        " GROUP BY day"
    )


def _listed(rows: Iterable[DayRow]) -> str:
    """Return the query of what was measured elsewhere."""
    values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
    none = "SELECT NULL::DATE, 0, 0, 0, 0, 0 WHERE false"
    return f"SELECT col0::DATE, * EXCLUDE (col0) FROM (VALUES {values})" if values else none


def _texts(table: Table) -> list[tuple[str, str]]:
    kinds = [(checksum.kind(each, table.name), each.name) for each in table.columns]
    return [(kind, name) for kind, name in kinds if kind in HAS_NUL]


def _query(table: Table, column: str | None) -> str:
    """Name what is measured: the rows, their shape, and the days' column."""
    parts = [table.query, column or "", *(_shape(each) for each in table.columns)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _shape(column: Column) -> str:
    return f"{column.name} {column.type}"
