"""Measure what is to be published: the rows that leave, their checksum, and a name for their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from oso_processors import checksum
from oso_processors.days import spans
from oso_processors.errors import GrainNotListed, NotByDay
from oso_processors.release import measurements
from oso_processors.release.changes import kind_of
from oso_processors.stores import Changed, Output, Published, day_column
from oso_processors.tables import Column, Table

# What a value that is no text takes in a store, more or less.
VALUE_BYTES = 8
# Choosing rows by more spans of days costs more than moving all.
MOST_SPANS = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """A table that is to be published: where, and what is to be said of it."""

    table: Table
    options: Mapping[str, Mapping[str, Any]]
    about: Mapping[str, str]


def measured(connection: duckdb.DuckDBPyConnection, wish: Wish) -> Output:
    """Measure a table in the warehouse.

    Raise `UnmappableType`, `GrainNotListed` or `NotByDay` for one that cannot be published.
    """
    column = day_column(wish.options)
    _require_fit(wish.table, column)
    table = _with_one_whole_type(wish.table)
    days = measurements.measure(connection, table, column)
    number = checksum.added(each.checksum for each in days)
    digest = _digest(table, number, wish)
    measurements.keep(connection, table, column, digest)
    nul_count, row_count = (sum(e.nul_count for e in days), sum(e.row_count for e in days))
    # What lies elsewhere loses them on its way.
    if nul_count and table.elsewhere is None:
        table = replace(
            table, query=measurements.replaced(table.query, measurements.without_nul(table))
        )
    return Output(
        table=table,
        checksum=number,
        row_count=row_count,
        byte_count=sum(e.byte_count for e in days) + row_count * VALUE_BYTES * len(table.columns),
        digest=digest,
        options=wish.options,
        about=wish.about,
        nul_count=nul_count,
        days={each.day: each.checksum for each in days if each.day} if column else {},
    )


def with_changes(
    connection: duckdb.DuckDBPyConnection, output: Output, before: Published | None
) -> Output:
    """Return ``output`` with the days that are other ones than ``before``, where both are known."""
    column = output.day_column
    if column is None or before is None or not _is_alike(output.published(), before):
        return output
    old, new = measurements.days_of(connection, before.digest), output.days
    # Also rows without a day are no part of the days.
    if [checksum.added(each.values()) for each in (old, new)] != [before.checksum, output.checksum]:
        return output
    days = tuple(sorted(day for day in old.keys() | new.keys() if old.get(day) != new.get(day)))
    if len(spans(days)) > MOST_SPANS:
        return output
    return replace(output, changed=Changed(before.digest, column, days))


def _is_alike(new: Published, old: Published) -> bool:
    return kind_of(old, new) == "full" and new.options == old.options


def _require_fit(table: Table, day: str | None) -> None:
    types = {column.name: column.type for column in table.columns}
    for name in table.grain:
        if name not in types:
            raise GrainNotListed(table.name, name)
    if day is not None and (types.get(day) != "DATE" or day not in table.grain):
        raise NotByDay(table.name, day)


def _with_one_whole_type(table: Table) -> Table:
    """Return ``table`` with every whole number as BIGINT, the one such type that all stores have."""
    kinds = {column.name: checksum.kind(column, table.name) for column in table.columns}
    narrow = [c.name for c in table.columns if kinds[c.name] == "whole" and c.type != "BIGINT"]
    casts = [f'CAST("{name}" AS BIGINT) AS "{name}"' for name in narrow]
    columns = [
        Column(each.name, "BIGINT", each.description) if each.name in narrow else each
        for each in table.columns
    ]
    return replace(table, query=measurements.replaced(table.query, casts), columns=tuple(columns))


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
