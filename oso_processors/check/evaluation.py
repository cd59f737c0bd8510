"""Every unit test once more, on GoogleSQL's reference evaluator.

DuckDB has given the rows that a test expects; here it is seen whether BigQuery would.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oso_processors.check.findings import Finding
from oso_processors.errors import NotEvaluable, OsoError, QueryFailed
from oso_processors.googlesql import Column, Content, Engine, Kind, Result

if TYPE_CHECKING:
    from oso_processors.models import Rows, UnitTest

STEP = "GoogleSQL tests"
SHOWN_ROWS = 3

Row = tuple[Any, ...]


class ValueUnfit(OsoError):
    """A test's value is none of its column's type."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a test; `reason` tells why it was not executed, which is no pass."""

    problem: str = ""
    reason: str = ""
    detail: str = ""


def evaluate(engine: Engine, tables: Mapping[str, Mapping[str, str]], test: UnitTest) -> Verdict:
    """Execute ``test``; raise `QueryRefused` when GoogleSQL refuses its query."""
    if not test.query:
        return Verdict(reason="its model is written in Python, which GoogleSQL does not execute")
    if test.expected is None:
        return Verdict(reason="it does not list its inputs and the query's rows")
    try:
        content = {name: _content(tables.get(name, {}), rows) for name, rows in test.inputs.items()}
        return _compared(test, test.expected, engine.execute(test.query, content))
    except NotEvaluable as error:
        return Verdict(reason=str(error))
    except (QueryFailed, ValueUnfit) as error:
        return Verdict(problem=str(error))


def finding(project: Path, test: UnitTest, verdict: Verdict) -> Finding:
    """Return what to say of a test that did not pass."""
    return Finding(
        STEP,
        test.path.relative_to(project),
        f"{test.name}: {verdict.problem}",
        line_of(test.path, test.name),
        model=test.model,
        detail=verdict.detail,
    )


def line_of(path: Path, test: str) -> int | None:
    """Return the line on which a test begins."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith(f"{test}:"):
            return number
    return None


def _compared(test: UnitTest, rows: Rows, result: Result) -> Verdict:
    names = [each.name for each in result.columns]
    listed = list(dict.fromkeys(name for row in rows for name in row))
    unknown = [name for name in listed if name not in names]
    if unknown:
        return Verdict(f"the test expects a column {unknown[0]!r} that the query does not give")
    compared = [each for each in result.columns if not test.is_partial or each.name in listed]
    at = [names.index(each.name) for each in compared]
    given = Counter(_frozen(tuple(row[index] for index in at)) for row in result.rows)
    expected = Counter(_frozen(_row(compared, row)) for row in rows)
    if given == expected:
        return Verdict()
    lines = _shown("missing", compared, expected - given) + _shown(
        "unexpected", compared, given - expected
    )
    return Verdict("GoogleSQL gives other rows than the test expects", detail="\n".join(lines))


def _shown(word: str, columns: Sequence[Column], rows: Counter[Any]) -> list[str]:
    listed = list(rows.elements())
    lines = [
        f"{word}: "
        + ", ".join(f"{each.name}={value}" for each, value in zip(columns, row, strict=True))
        for row in listed[:SHOWN_ROWS]
    ]
    more = len(listed) - SHOWN_ROWS
    return lines + ([f"{word}: {more} more"] if more > 0 else [])


def _content(columns: Mapping[str, str], rows: Rows) -> Content:
    unknown = [name for row in rows for name in row if name not in columns]
    if unknown:
        raise ValueUnfit(f"an input has no column {unknown[0]!r}")
    kinds = [Column(name, Kind.parse(kind)) for name, kind in columns.items()]
    return Content(columns, [_row(kinds, row) for row in rows])


def _row(columns: Iterable[Column], row: Mapping[str, Any]) -> Row:
    """Return a test's row in the order of ``columns``; what it leaves out is NULL."""
    return tuple(_value(each, row.get(each.name)) for each in columns)


def _value(column: Column, value: Any) -> Any:
    try:
        return _meant(column.kind, value)
    except (ArithmeticError, AttributeError, TypeError, ValueError):
        raise ValueUnfit(f"{column.name}: {value!r} is no {column.kind}") from None


def _meant(kind: Kind, value: Any) -> Any:
    """Return what YAML's ``value`` means in a column of ``kind``."""
    if value is None:
        return None
    if kind.element is not None:
        return [_meant(kind.element, each) for each in value]
    if kind.name == "STRUCT":
        return {field.name: _meant(field.kind, value.get(field.name)) for field in kind.fields}
    return MEANINGS.get(kind.name, str)(value)


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(value)


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def _json(value: Any) -> str:
    document = json.loads(value) if isinstance(value, str) else value
    return json.dumps(document, separators=(",", ":"))


MEANINGS: Mapping[str, Callable[[Any], Any]] = {
    "BIGNUMERIC": lambda value: Decimal(str(value)),
    "BOOL": _bool,
    "BYTES": lambda value: value if isinstance(value, bytes) else str(value).encode(),
    "DATE": _day,
    "DATETIME": lambda value: _moment(value).replace(tzinfo=None),
    "FLOAT64": float,
    "INT64": int,
    "JSON": _json,
    "NUMERIC": lambda value: Decimal(str(value)),
    "STRING": str,
    "TIME": lambda value: value if isinstance(value, time) else time.fromisoformat(value),
    "TIMESTAMP": _moment,
}


def _frozen(value: Any) -> Any:
    """Return ``value`` so that equal rows are equal keys; floats to nine digits."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return tuple((name, _frozen(each)) for name, each in value.items())
    return float(f"{value:.9g}") if isinstance(value, float) else value
