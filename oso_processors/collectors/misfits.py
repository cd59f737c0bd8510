"""Whether a value fits its column, as DuckDB would take it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from oso_processors.collectors.schema import sql_type

Misfit = Callable[[Mapping[str, Any]], str | None]
WHOLE = re.compile(r"[+-]?\d{1,18}")
NUMERIC = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,2})?")


def misfits(json_schema: Mapping[str, Any]) -> Misfit:
    """Return the function that names the first property of a row that its column cannot take."""
    checks: list[tuple[str, Callable[[Any], bool]]] = [
        (name, check)
        for name, prop in json_schema["properties"].items()
        if (check := _check(prop)) is not None
    ]

    def misfit(row: Mapping[str, Any]) -> str | None:
        for name, fits in checks:
            value = row.get(name)
            if value is not None and not fits(value):
                return name
        return None

    return misfit


def _check(prop: Mapping[str, Any]) -> Callable[[Any], bool] | None:
    """Return the test of one value, or None where the column is text and takes all."""
    sql = sql_type(prop)
    if sql in TESTS:
        return TESTS[sql]
    if sql == "VARCHAR":
        return None
    items = prop["items"]
    if "properties" in items:
        misfit = misfits(items)
        return lambda value: (
            isinstance(value, list)
            and all(each is None or (isinstance(each, dict) and not misfit(each)) for each in value)
        )
    check = _check(items)
    return lambda value: (
        isinstance(value, list)
        and (check is None or all(each is None or check(each) for each in value))
    )


def _is_integer(value: Any) -> bool:
    if isinstance(value, str):
        return WHOLE.fullmatch(value) is not None
    return isinstance(value, int | float) and abs(value) < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (
        isinstance(value, str) and NUMERIC.fullmatch(value) is not None
    )


def _is_boolean(value: Any) -> bool:
    return isinstance(value, int | float) or value in ("true", "false")


def _is_time(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


TESTS: Mapping[str, Callable[[Any], bool]] = {
    "BIGINT": _is_integer,
    "DOUBLE": _is_number,
    "BOOLEAN": _is_boolean,
    "TIMESTAMPTZ": _is_time,
    "DATE": _is_time,
}
