"""Sets of hours, kept as ranges: years of collected hours are a line of state."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)


class Hours:
    """A growing set of hours; adding one costs as much as there are holes, not hours."""

    def __init__(self, ranges: Iterable[Sequence[str]] = ()) -> None:
        """Read what `as_ranges` wrote."""
        self._ranges = sorted([parse(first), parse(last)] for first, last in ranges)

    def __contains__(self, hour: datetime) -> bool:
        place = self._place(hour)
        return place > 0 and hour <= self._ranges[place - 1][1]

    def add(self, hour: datetime) -> None:
        """Add one hour."""
        if hour in self:
            return
        place = self._place(hour)
        self._ranges.insert(place, [hour, hour])
        for left in (place, place - 1):
            self._join(left)

    def discard(self, hour: datetime) -> None:
        """Take one hour out."""
        if hour not in self:
            return
        place = self._place(hour) - 1
        first, last = self._ranges.pop(place)
        left, right = [first, hour - HOUR], [hour + HOUR, last]
        self._ranges[place:place] = [each for each in (left, right) if each[0] <= each[1]]

    def as_ranges(self) -> list[list[str]]:
        """Return the set as its ranges, both ends included."""
        return [[text(first), text(last)] for first, last in self._ranges]

    def _place(self, hour: datetime) -> int:
        """Return how many ranges begin at or before ``hour``."""
        return bisect_right(self._ranges, hour, key=lambda each: each[0])

    def _join(self, left: int) -> None:
        """Make one of a range and the next when nothing is between them."""
        if 0 <= left < len(self._ranges) - 1:
            one, other = self._ranges[left : left + 2]
            if other[0] - one[1] == HOUR:
                self._ranges[left : left + 2] = [[one[0], other[1]]]


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
