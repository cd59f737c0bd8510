"""Sets of hours, kept as ranges: years of collected hours are a line of state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)


class Hours:
    """A growing set of hours."""

    def __init__(self, ranges: Iterable[Sequence[str]] = ()) -> None:
        """Read what `as_ranges` wrote."""
        self._hours = {
            hour for first, last in ranges for hour in between(parse(first), parse(last) + HOUR)
        }

    def __contains__(self, hour: datetime) -> bool:
        return hour in self._hours

    def add(self, hour: datetime) -> None:
        """Add one hour."""
        self._hours.add(hour)

    def as_ranges(self) -> list[list[str]]:
        """Return the set as its ranges, both ends included."""
        ranges: list[list[datetime]] = []
        for hour in sorted(self._hours):
            if ranges and hour - ranges[-1][1] == HOUR:
                ranges[-1][1] = hour
            else:
                ranges.append([hour, hour])
        return [[text(first), text(last)] for first, last in ranges]


def between(start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the hours from ``start`` to before ``end``."""
    while start < end:
        yield start
        start += HOUR


def parse(moment: str) -> datetime:
    """Read a date or an hour, in UTC; raise ValueError for anything else."""
    found = datetime.fromisoformat(moment)
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found.replace(minute=0, second=0, microsecond=0)


def text(hour: datetime) -> str:
    """Return an hour as state and records have it."""
    return hour.strftime("%Y-%m-%dT%H:%M:%SZ")
