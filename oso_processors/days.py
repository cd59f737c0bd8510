"""Days of a table, as spans: which there are, and the SQL that chooses their rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The days from `first` to `last`, both of them included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def spans(days: Iterable[date]) -> tuple[Span, ...]:
    """Return as few spans as hold ``days`` and no other day."""
    return union(Span(day, day) for day in days)


def union(found: Iterable[Span]) -> tuple[Span, ...]:
    """Return as few spans as hold the days of those ``found``."""
    joined: list[Span] = []
    for each in sorted(found):
        if joined and each.first - joined[-1].last <= DAY:
            joined[-1] = Span(joined[-1].first, max(joined[-1].last, each.last))
        else:
            joined.append(each)
    return tuple(joined)


def within(found: Sequence[Span], column: str) -> str:
    """Return the condition, in every engine's SQL, that ``column`` is one of the days."""
    ranges = [f"\"{column}\" BETWEEN DATE '{each.first}' AND DATE '{each.last}'" for each in found]
    return f"({' OR '.join(ranges)})" if ranges else "false"


def on(query: str, column: str, found: Sequence[Span]) -> str:
    """Return the query of the rows of ``query`` whose ``column`` is one of the days."""
    return f"SELECT * FROM ({query}) AS found WHERE {within(found, column)}"
