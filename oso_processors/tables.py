"""What the warehouse says of itself: its finished tables, and what a build did."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from oso_processors.days import Span

# A day, or None for all rows: how many, the two sums of their checksum, the bytes of their texts, and
# how many values had a NUL character.
DayRow = tuple[date | None, int, int, int, int, int]


EMBEDDED = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "BOOL": "BOOLEAN",
    "FLOAT64": "DOUBLE",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "NUMERIC": "DECIMAL(38,9)",
    "ARRAY<STRING>": "VARCHAR[]",
}


def embedded_type(kind: str) -> str:
    """Return a type of BigQuery as DESCRIBE says it; itself when that is no other."""
    found = re.fullmatch(r"NUMERIC\((\d+), ?(\d+)\)", kind)
    return f"DECIMAL({found[1]},{found[2]})" if found else EMBEDDED.get(kind, kind)


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `type` is DuckDB's, as DESCRIBE says it."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Builds:
    """Every build that wrote rows of a table: its name, and the days that it wrote by `column`.

    None for `column`, or for days, is all of the table.
    """

    column: str | None
    days: Mapping[str, Span | None]


class Elsewhere(Protocol):
    """The engine that has a table's rows, where that is not the embedded one.

    Queries are said in DuckDB's SQL, as those of every table are.
    """

    def days(self, table: Table, column: str | None, chosen: Sequence[Span]) -> list[DayRow]:
        """Measure the days of ``table`` by ``column``, all or those ``chosen``."""

    def is_unique(self, query: str, grain: Sequence[str]) -> bool:
        """Say whether no two rows of ``query`` have the same grain, and none has a NULL in it."""

    def here(self, table: Table, query: str) -> str:
        """Bring the rows of ``query``, which are some of ``table``'s, and return the query of what
        was brought."""


@dataclass(frozen=True, slots=True)
class Table:
    """A finished output.

    `query` selects exactly `columns`, in DuckDB's SQL; `fingerprint` changes with the model's logic;
    `model` is where it comes from; without `builds` nobody knows when its rows were written; `elsewhere`
    has the rows where the embedded engine has not.
    """

    name: str
    model: str
    query: str
    columns: tuple[Column, ...]
    grain: tuple[str, ...]
    description: str
    fingerprint: str
    builds: Builds | None = None
    elsewhere: Elsewhere | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: models evaluated, audits that passed, seconds."""

    model_count: int
    audit_count: int
    seconds: float
