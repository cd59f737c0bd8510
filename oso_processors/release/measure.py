"""Measure what is to be published: the rows that leave, their checksum, and a name for their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from oso_processors import checksum
from oso_processors.errors import GrainNotListed
from oso_processors.stores import Output
from oso_processors.tables import Column, Table

NUL_COUNTS = {
    "text": """count_if(contains("{}", chr(0)))""",
    "texts": """count_if(contains(array_to_string("{}", ''), chr(0)))""",
}
TEXT_BYTES = {
    "text": """coalesce(sum(strlen("{}")), 0)""",
    "texts": """coalesce(sum(strlen(array_to_string("{}", ''))), 0)""",
}
# What any other value takes in a store, more or less.
VALUE_BYTES = 8
WITHOUT_NUL = {
    "text": """replace("{0}", chr(0), '') AS "{0}\"""",
    "texts": """list_transform("{0}", lambda x: replace(x, chr(0), '')) AS "{0}\"""",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """A table that is to be published: where, and what is to be said of it."""

    table: Table
    options: Mapping[str, Mapping[str, Any]]
    about: Mapping[str, str]


def measured(connection: duckdb.DuckDBPyConnection, wish: Wish) -> Output:
    """Measure a table in the warehouse.

    Raise `UnmappableType` or `GrainNotListed` for one that cannot be published.
    """
    listed = [column.name for column in wish.table.columns]
    for name in wish.table.grain:
        if name not in listed:
            raise GrainNotListed(wish.table.name, name)
    table, nul_count, text_bytes = _without_nul(connection, _with_one_whole_type(wish.table))
    found = connection.execute(checksum.duckdb_sql(table, f"({table.query})")).fetchone()
    number = checksum.text(found)
    row_count = int(found[0]) if found else 0
    return Output(
        table=table,
        checksum=number,
        row_count=row_count,
        byte_count=text_bytes + row_count * VALUE_BYTES * len(table.columns),
        digest=_digest(table, number, wish),
        options=wish.options,
        about=wish.about,
        nul_count=nul_count,
    )


def _with_one_whole_type(table: Table) -> Table:
    """Return ``table`` with every whole number as BIGINT, the one such type that all stores have."""
    kinds = {column.name: checksum.kind(column, table.name) for column in table.columns}
    narrow = [c.name for c in table.columns if kinds[c.name] == "whole" and c.type != "BIGINT"]
    casts = [f'CAST("{name}" AS BIGINT) AS "{name}"' for name in narrow]
    columns = [
        Column(each.name, "BIGINT", each.description) if each.name in narrow else each
        for each in table.columns
    ]
    return replace(table, query=_replaced(table.query, casts), columns=tuple(columns))


def _without_nul(connection: duckdb.DuckDBPyConnection, table: Table) -> tuple[Table, int, int]:
    """Return ``table`` without the NUL characters that Postgres cannot hold, how many values had one,
    and how many bytes its texts have."""
    kinds = [(checksum.kind(each, table.name), each.name) for each in table.columns]
    texts = [(kind, name) for kind, name in kinds if kind in WITHOUT_NUL]
    if not texts:
        return table, 0, 0
    counts = " + ".join(NUL_COUNTS[kind].format(name) for kind, name in texts)
    sizes = " + ".join(TEXT_BYTES[kind].format(name) for kind, name in texts)
    [row] = connection.execute(f"SELECT {counts}, {sizes} FROM ({table.query})").fetchall()
    # Over no rows at all DuckDB counts NULL.
    count = int(row[0] or 0)
    stripped = [WITHOUT_NUL[kind].format(name) for kind, name in texts] if count else []
    return replace(table, query=_replaced(table.query, stripped)), count, int(row[1])


def _replaced(query: str, columns: list[str]) -> str:
    return f"SELECT * REPLACE ({', '.join(columns)}) FROM ({query})" if columns else query


def _digest(table: Table, number: str, wish: Wish) -> str:
    """Return the name of an output's content: rows, shape, words, and how it is to be served."""
    parts = [
        table.name,
        number,
        table.description,
        ",".join(table.grain),
        repr(sorted(wish.options.items())),
        repr(sorted(wish.about.items())),
    ]
    parts += [f"{each.name} {each.type} {each.description}" for each in table.columns]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
