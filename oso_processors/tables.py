"""A table as the warehouse declares it: what a store needs to know to publish it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `type` is DuckDB's, as DESCRIBE says it."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Table:
    """A finished output.

    `query` selects exactly `columns`; `fingerprint` changes with the model's logic;
    `model` is where it comes from.
    """

    name: str
    model: str
    query: str
    columns: tuple[Column, ...]
    grain: tuple[str, ...]
    description: str
    fingerprint: str
