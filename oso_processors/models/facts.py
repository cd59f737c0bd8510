"""What is known of a model, of its tests, and of what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Columns = Mapping[str, str]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Model:
    """A model: `columns` are SQLMesh's, with BigQuery's types ('' where SQLMesh does not know one).

    `has_query` is false for seeds, external tables and models in Python.
    """

    name: str
    path: Path
    columns: Columns
    parents: tuple[str, ...]
    has_query: bool
    is_external: bool


@dataclass(frozen=True, slots=True)
class Words:
    """What a model says of itself: what one row is, what makes it unique, what each column holds.

    `never_null` are the columns that an audit holds to that.
    """

    description: str
    grain: tuple[str, ...]
    columns: Mapping[str, str]
    never_null: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Violation:
    """What a linter's rule found in a model; `line` and `column` count from one."""

    model: str
    rule: str
    message: str
    line: int | None
    column: int | None


@dataclass(frozen=True, slots=True)
class UnitTest:
    """A test of tests/models: the model's query over `inputs` gives the rows `expected`.

    `query` is empty when the model is written in Python, which has none.
    `expected` is None when the test says something else than the query's rows.
    """

    name: str
    model: str
    path: Path
    query: str
    inputs: Mapping[str, Rows]
    expected: Rows | None
    is_partial: bool


@dataclass(frozen=True, slots=True)
class TestFailure:
    """A unit test that did not pass on DuckDB; `is_error` when it could not be executed at all."""

    name: str
    model: str
    path: Path
    message: str
    detail: str
    is_error: bool
