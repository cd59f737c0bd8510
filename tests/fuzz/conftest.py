"""Both engines side by side, and the values that tell them apart.

The usual run is the same each time, so that it fails for a change and not by chance. OSO_FUZZ=100
makes a hundred times as many examples, other ones every time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oso_processors.googlesql import Content, Engine, Kind
from oso_processors.models import Models
from oso_processors.settings import Settings

PROJECT = Path(__file__).parents[2]

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1f")
TEXTS = (
    "a",
    "b",
    "A",
    "",
    "a/b",
    "B/A",
    "É",
    "İ",
    "ΑΣ",
    "🦀",
    "x[Bot]",
    "bors",
    "it's",
    "\\n",
    "_%",
)
WHOLE = (0, 1, 2, 3, -1, -2, 10, 2**31, -(2**31), 2**53 + 1, 10**17, -(10**17))
DECIMALS = tuple(
    map(
        Decimal,
        ("0", "1", "2", "0.5", "1.5", "-0.5", "-2.5", "0.333333333", "123456789012345678.9"),
    )
)
DAYS = (
    date(1970, 1, 1),
    date(1969, 12, 31),
    date(2020, 12, 31),
    date(2021, 1, 1),
    date(2021, 1, 3),
    date(2021, 1, 4),
    date(2024, 2, 29),
    date(2024, 3, 1),
)
# A model that reads a range of time is rendered for the first of January 1970.
MOMENTS = (
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 1, 12, 30, 0, 1, tzinfo=UTC),
    datetime(1970, 1, 1, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1970, 1, 2, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
)
POOLS: Mapping[str, tuple[Any, ...]] = {
    "BOOL": (False, True),
    "DATE": DAYS,
    "FLOAT64": (0.0, 0.5, -1.5, 1e15),
    "INT64": WHOLE,
    "NUMERIC": DECIMALS,
    "STRING": TEXTS,
    "TIMESTAMP": MOMENTS,
}

Tables = Mapping[str, Content]
TIMES = int(os.environ.get("OSO_FUZZ", "1"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The project's models."""
    return Models(Settings(project=PROJECT, home=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def values() -> Callable[[str], st.SearchStrategy[Any]]:
    """Makes values of a type of BigQuery's: those at edges, more often than others."""
    return lambda kind: values_of(Kind.parse(kind))


def values_of(kind: Kind) -> st.SearchStrategy[Any]:
    if kind.element is not None:
        return st.lists(values_of(kind.element), max_size=3)
    if kind.name == "STRUCT":
        fields = {each.name: st.none() | values_of(each.kind) for each in kind.fields}
        return st.fixed_dictionaries(fields)
    known = st.sampled_from(POOLS[kind.name])
    return known | st.text(LETTERS, max_size=4) if kind.name == "STRING" else known


@pytest.fixture(scope="session")
def try_out() -> Callable[[int, st.SearchStrategy[Any], Callable[[Any], None]], None]:
    """Calls a check with so many examples, and many more in a long run."""

    def run(number: int, examples: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
        limited = settings(
            max_examples=number * TIMES,
            derandomize=TIMES == 1,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        limited(given(examples)(check))()

    return run


@pytest.fixture(scope="session")
def compare(engine: Engine, duckdb_rows: Callable[..., list[Any]]) -> Callable[..., int]:
    """Fails unless a query, in DuckDB's SQL and in GoogleSQL, gives the same rows; tells how many."""

    def same(duckdb_sql: str, google_sql: str, tables: Tables) -> int:
        ours = Counter(map(exact, duckdb_rows(duckdb_sql, tables)))
        theirs = Counter(map(exact, engine.execute(google_sql, tables).rows))
        told = f"DuckDB: {list(ours - theirs)[:2]}\nGoogleSQL: {list(theirs - ours)[:2]}"
        assert ours == theirs, told
        return ours.total()

    return same


def exact(value: Any) -> Any:
    """Return ``value`` so that only what is the same, in type too, is equal."""
    if isinstance(value, (list, tuple)):
        return tuple(map(exact, value))
    if isinstance(value, dict):
        return tuple((name, exact(each)) for name, each in value.items())
    return type(value).__name__, value
