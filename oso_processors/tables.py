"""What the warehouse says of itself: its finished tables, and what a build did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oso_processors.days import Span


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


@dataclass(frozen=True, slots=True)
class Table:
    """A finished output.

    `query` selects exactly `columns`; `fingerprint` changes with the model's logic;
    `model` is where it comes from; without `builds` nobody knows when its rows were written.
    """

    name: str
    model: str
    query: str
    columns: tuple[Column, ...]
    grain: tuple[str, ...]
    description: str
    fingerprint: str
    builds: Builds | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: models evaluated, audits that passed, seconds."""

    model_count: int
    audit_count: int
    seconds: float
