"""The archive's files: which hour a name means, and which hours a folder has and lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from oso_processors.collectors.hours import HOUR, Hours, between, parse, text
from oso_processors.collectors.source import Log, Message, Record, State
from oso_processors.errors import ConfigFailure

NAME = re.compile(r"(minimized-)?(\d{4}-\d{2}-\d{2})-(\d{1,2})\.json\.gz")
# In these years names tell the hour in California (gharchive.org, issues 26 and 33).
CALIFORNIA = ZoneInfo("America/Los_Angeles")
CALIFORNIAN = (datetime(2012, 3, 10, 21, tzinfo=UTC), datetime(2015, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class HourFile:
    """One hour's file, on disk or still at the archive; `hour` is the one that its name says."""

    hour: datetime
    path: Path | None

    @property
    def name(self) -> str:
        """The file's name, as the archive has it."""
        return self.path.name if self.path else f"{self.hour:%Y-%m-%d}-{self.hour.hour}.json.gz"

    @property
    def is_minimized(self) -> bool:
        """Whether its name says that it is in the minimized form."""
        return self.name.startswith("minimized-")


@dataclass(frozen=True, slots=True)
class Done:
    """The hours that a stream has, and those of them that it has in the minimized form only."""

    hours: Hours
    minimized: Hours

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Done:
        """Read what `as_state` wrote."""
        return cls(Hours(state.get("hours", ())), Hours(state.get("minimized", ())))

    def __contains__(self, each: HourFile) -> bool:
        is_bettered = each.hour in self.minimized and not each.is_minimized
        return each.hour in self.hours and not is_bettered

    def add(self, each: HourFile) -> None:
        """Add the hour of a file that was read."""
        self.hours.add(each.hour)
        if each.is_minimized:
            self.minimized.add(each.hour)
        else:
            self.minimized.discard(each.hour)

    def as_state(self) -> dict[str, Any]:
        """Return the state of a stream."""
        thin = self.minimized.as_ranges()
        return {"hours": self.hours.as_ranges(), **({"minimized": thin} if thin else {})}


def in_folder(folder: Path) -> list[HourFile]:
    """Return a folder's hours, each once; one that is there in the minimized form only is that.

    Raise `ConfigFailure` when there are none.
    """
    if not folder.is_dir():
        raise ConfigFailure(f"config: folder: {str(folder)!r}: is no folder")
    found: dict[datetime, HourFile] = {}
    # Digits come before letters, and with them the whole form before the minimized one.
    for path in sorted(folder.iterdir()):
        hour = _hour_named(path.name)
        if hour is not None:
            found.setdefault(hour, HourFile(hour, path))
    if not found:
        raise ConfigFailure(
            f"config: folder: {str(folder)!r}: holds no hour; hours are named 2025-01-31-15.json.gz"
        )
    return [found[hour] for hour in sorted(found)]


def holes(files: Sequence[HourFile], known: Hours) -> Iterator[Message]:
    """Yield the hours that a folder lacks between the ones it has, a row for each run of them."""
    has_news = False
    for before, after in pairwise(files):
        absent = [hour for hour in between(before.hour + HOUR, after.hour) if hour not in known]
        if absent:
            has_news = True
            first, last = in_utc(absent[0]), in_utc(absent[-1])
            if first and last:
                yield gap(first, last + HOUR, "missing in the folder", None)
            for hour in absent:
                known.add(hour)
    if has_news:
        yield State("gaps", {"hours": known.as_ranges()})


def gap(start: datetime, end: datetime, reason: str, detail: str | None) -> Record:
    """Return the row of the stream gaps that a time without events is."""
    bounds = {"started_at": text(start), "ended_at": text(end)}
    return Record("gaps", {"stream": "events", **bounds, "reason": reason, "detail": detail})


def in_utc(hour: datetime) -> datetime | None:
    """Return the beginning of the hour that a name means; None for one that no clock ever showed."""
    first, end = CALIFORNIAN
    if not first <= hour < end:
        return hour
    found = hour.replace(tzinfo=CALIFORNIA).astimezone(UTC)
    is_real = found.astimezone(CALIFORNIA).replace(tzinfo=UTC) == hour
    return found if is_real else None


def strangers(folder: Path, files: Sequence[HourFile]) -> Iterator[Log]:
    """Say what of a folder is no hour, or an hour again, so that nobody misses it silently."""
    known = {each.name for each in files}
    names = [each.name for each in sorted(folder.iterdir()) if each.name not in known]
    if names:
        yield Log("INFO", f"{folder}: left out, no hours or not these: {', '.join(names[:20])}")


def _hour_named(name: str) -> datetime | None:
    """Return the hour that a file's name means, padded or not, or None."""
    match = NAME.fullmatch(name)
    try:
        return parse(f"{match[2]}T{int(match[3]):02}:00:00") if match else None
    except ValueError:
        return None
