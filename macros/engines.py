"""One rule, one place: which engine the SQL is made for."""

from __future__ import annotations

from typing import Any


def dialect_of(evaluator: Any) -> str | None:
    """Return duckdb or bigquery; None where SQL is read and none runs it, as by tools that format it."""
    adapter = evaluator.locals.get("engine_adapter")
    return None if adapter is None else str(adapter.dialect)
