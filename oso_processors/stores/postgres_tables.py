"""The tables in the schema `store`: what they are called, their columns, and the SQL that makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from psycopg.sql import SQL, Composed, Identifier

from oso_processors import checksum
from oso_processors.stores import Output, views
from oso_processors.tables import Column

TYPES = {
    "text": "text",
    "whole": "bigint",
    "boolean": "boolean",
    "date": "date",
    "moment": "timestamp with time zone",
    "texts": "character varying[]",
}


def named(output: Output) -> str:
    """Return the name of the table with all rows; Postgres keeps 63 bytes of it."""
    return f"{output.name[:46]}__{output.digest[:12]}"


def columns(output: Output) -> list[tuple[str, str]]:
    """Return the names of the columns with Postgres's types."""
    return [(each.name, _type(each, output.name)) for each in output.table.columns]


def created(output: Output, table: str) -> Composed:
    """Return the SQL that makes an empty table for rows of ``output``."""
    listed = [
        SQL("{} {}{}").format(
            Identifier(name), SQL(kind), SQL(" NOT NULL" if name in output.table.grain else "")
        )
        for name, kind in columns(output)
    ]
    return SQL("CREATE TABLE {} ({})").format(Identifier("store", table), SQL(", ").join(listed))


def finished(output: Output, table: str) -> list[Composed]:
    """Return the SQL for the unique index on the grain, which proves it, and all that follows."""
    place = Identifier("store", table)
    made = [
        SQL("CREATE {} {} ON {} ({})").format(
            SQL("UNIQUE INDEX" if number == 0 else "INDEX"),
            Identifier(index(table, listed)),
            place,
            SQL(", ").join(map(Identifier, listed)),
        )
        for number, listed in enumerate(indexes(output))
    ]
    return [*made, *views.described("TABLE", place, output), SQL("ANALYZE {}").format(place)]


def indexes(output: Output) -> list[tuple[str, ...]]:
    """Return the columns of each index: first the unique one on the grain, then those declared."""
    grain = tuple(output.table.grain)
    declared = output.options["postgres"].get("indexes", ())
    return list(dict.fromkeys([grain, *map(tuple, declared)]))


def index(table: str, listed: Sequence[str]) -> str:
    """Return the name of the index of ``table`` on the columns ``listed``."""
    key = hashlib.sha256("\0".join([table, *listed]).encode()).hexdigest()
    return f"{table[:46]}__{key[:12]}"


def _type(column: Column, table: str) -> str:
    kind = checksum.kind(column, table)
    if kind != "decimal":
        return TYPES[kind]
    found = checksum.DECIMAL.fullmatch(column.type)
    return f"numeric({found[1]},{found[2]})" if found else "numeric"
