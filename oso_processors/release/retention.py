"""Which releases are kept: by age, and one for each day, week, month or year."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from oso_processors.stores import Manifest

# The served release, and the one that a rollback goes back to.
ALWAYS = 2
PERIODS: Mapping[str, Callable[[datetime], tuple[int, ...]]] = {
    "daily": lambda at: (at.year, at.month, at.day),
    "weekly": lambda at: at.isocalendar()[:2],
    "monthly": lambda at: (at.year, at.month),
    "yearly": lambda at: (at.year,),
}


def kept(
    releases: Sequence[Manifest], now: datetime, policy: Mapping[str, timedelta]
) -> list[Manifest]:
    """Return those of ``releases`` that stay; they come with the one served first, the newest next.

    ``policy`` says how long all of them stay, and how long the last of each day, week, month or year.
    Whatever it says, the release that is served and the one before it stay.
    """
    wanted = {each.number for each in releases[:ALWAYS]}
    for name, limit in policy.items():
        young = [each for each in releases if now - _made(each) <= limit]
        wanted |= {each.number for each in _last_of_each(name, young)}
    return [each for each in releases if each.number in wanted]


def _last_of_each(name: str, releases: Sequence[Manifest]) -> Sequence[Manifest]:
    if name == "all":
        return releases
    last: dict[tuple[int, ...], Manifest] = {}
    for each in releases:
        last.setdefault(PERIODS[name](_made(each)), each)
    return list(last.values())


def _made(release: Manifest) -> datetime:
    return datetime.fromisoformat(release.released_at)
