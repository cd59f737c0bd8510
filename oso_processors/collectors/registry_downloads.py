"""How often packages were downloaded each day, as npm, pypistats.org and crates.io tell.

A package's state is the last day that was read. The last few days are read again, since registries
count them late; a day at the end without a download may be one that is not counted yet.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from oso_processors.collectors.download import NotFound
from oso_processors.collectors.registry_answers import Ask
from oso_processors.collectors.source import Log, Message, Record, reject
from oso_processors.errors import TransientFailure

URLS = {
    "NPM": "https://api.npmjs.org",
    "PYPI": "https://pypistats.org",
    "CRATES": "https://crates.io",
}
# pypistats.org allows thirty requests a minute, the others about one a second.
PAUSES = {"PYPI": 2}
# What npm answers at once.
NPM_NAMES = 128
NPM_DAYS = 365
# How many days the others keep; npm keeps all.
KEPT_DAYS = {"PYPI": 180, "CRATES": 90}
LATE_DAYS = 3
DAY = timedelta(days=1)

Package = tuple[str, str]
Counts = Counter[date]


@dataclass(frozen=True, slots=True)
class Batch:
    """Packages of one registry that are asked for at once, from the first day to the last."""

    registry: str
    names: tuple[str, ...]
    first: date
    last: date

    @property
    def day_count(self) -> int:
        """How many days there are."""
        return (self.last - self.first).days + 1

    def windows(self) -> Iterator[tuple[date, date]]:
        """Return the days in parts that npm answers at once."""
        first = self.first
        while first <= self.last:
            last = min(self.last, first + (NPM_DAYS - 1) * DAY)
            yield first, last
            first = last + DAY


def batches(
    packages: Sequence[Package], done: Mapping[str, str], last: date, pace: int, history: int
) -> list[Batch]:
    """Return what is to be asked: of packages not read for ``pace`` days, what is new or may change.

    One that was never read is asked for from ``history`` days ago on.
    """
    found: dict[tuple[str, date], list[str]] = defaultdict(list)
    for registry, name in packages:
        read = done.get(f"{registry}/{name}")
        before = date.fromisoformat(read) if read else last - history * DAY
        if not read or last - before >= max(pace, 1) * DAY:
            first = before - (LATE_DAYS - 1) * DAY if read else before + DAY
            if registry in KEPT_DAYS:
                first = max(first, last - (KEPT_DAYS[registry] - 1) * DAY)
            found[registry, first].append(name)
    return [
        Batch(registry, names, first, last)
        for (registry, first), listed in found.items()
        for names in _together(registry, listed)
    ]


def read(batch: Batch, ask: Ask, done: dict[str, str]) -> Iterator[Message]:
    """Yield each day of a batch's packages, and write down in ``done`` what was read."""
    try:
        answers = READERS[batch.registry](batch, ask)
        for name, days in answers.items():
            yield from _rows(batch, name, days)
    except NotFound:
        answers = dict.fromkeys(batch.names)
    except (TransientFailure, KeyError, TypeError, AttributeError) as failure:
        yield Log("WARN", f"downloads of {_named(batch)}: {failure!s}")
        yield _gap(_named(batch), "unreadable", str(failure))
        return
    for name, days in answers.items():
        if days is None:
            yield _gap(f"{batch.registry}/{name}", "missing", "nothing is told of its downloads")
        done[f"{batch.registry}/{name}"] = batch.last.isoformat()


Told = list[tuple[Any, Any]]


def npm(batch: Batch, ask: Ask) -> dict[str, Told | None]:
    """Return what npm tells of each package."""
    found: dict[str, Told | None] = {name: [] for name in batch.names}
    for first, last in batch.windows():
        listed = ",".join(quote(name, safe="@") for name in batch.names)
        answer = ask(f"/downloads/range/{first}:{last}/{listed}", False)
        for name in batch.names:
            told = answer if len(batch.names) == 1 else answer.get(name)
            days = found[name]
            if told is None or days is None:
                found[name] = None
            else:
                days.extend((each["day"], each["downloads"]) for each in told["downloads"])
    return found


def pypi(batch: Batch, ask: Ask) -> dict[str, Told | None]:
    """Return what pypistats.org tells of a package; mirrors are nobody who uses it."""
    (name,) = batch.names
    listed = ask(f"/api/packages/{quote(name)}/overall?mirrors=false", False)["data"]
    return {
        name: [
            (each["date"], each["downloads"])
            for each in listed
            if each.get("category") == "without_mirrors"
        ]
    }


def crates(batch: Batch, ask: Ask) -> dict[str, Told | None]:
    """Return what crates.io tells of a package: of the newest versions one by one, and of the others."""
    (name,) = batch.names
    found = ask(f"/api/v1/crates/{quote(name)}/downloads", False)
    listed = [*found["version_downloads"], *found["meta"]["extra_downloads"]]
    return {name: [(each["date"], each["downloads"]) for each in listed]}


READERS: Mapping[str, Callable[[Batch, Ask], dict[str, Told | None]]] = {
    "NPM": npm,
    "PYPI": pypi,
    "CRATES": crates,
}


def _together(registry: str, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Split names into those that are asked for at once; npm takes no scoped ones together."""
    alone = [name for name in names if registry != "NPM" or name.startswith("@")]
    yield from ((name,) for name in alone)
    others = [name for name in names if registry == "NPM" and not name.startswith("@")]
    for start in range(0, len(others), NPM_NAMES):
        yield tuple(others[start : start + NPM_NAMES])


def _rows(batch: Batch, name: str, days: Told | None) -> Iterator[Record]:
    """Yield a row for each day of the batch; of what is no day or no count, a reject."""
    if days is None:
        return
    counts = Counts()
    for day, count in days:
        if _is_sound(day, count):
            counts[date.fromisoformat(day)] += count
        else:
            place = f"{batch.registry}/{name}"
            yield reject(place, str(day), "is no day with a number of downloads", repr(count))
    last = batch.last
    while not counts[last] and batch.last - last < LATE_DAYS * DAY:
        last -= DAY
    day = batch.first
    while day <= last:
        row = {"registry": batch.registry, "name": name, "day": day.isoformat()}
        yield Record("downloads", {**row, "downloads": counts[day]})
        day += DAY


def _is_sound(day: Any, count: Any) -> bool:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        return False
    try:
        return bool(date.fromisoformat(day).isoformat() == day)
    except (TypeError, ValueError):
        return False


def _named(batch: Batch) -> str:
    first, *others = batch.names
    return f"{batch.registry}/{first}" + (f" and {len(others)} more" if others else "")


def _gap(package: str, reason: str, detail: str) -> Record:
    row = {"stream": "downloads", "reason": reason, "detail": f"{package}: {detail}"}
    return Record("gaps", row)
