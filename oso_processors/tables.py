"""What the warehouse says of itself: its finished tables, and what a build did."""

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


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: models evaluated, audits that passed, seconds."""

    model_count: int
    audit_count: int
    seconds: float
