"""The people, repositories and projects of the sample: drawn once, from a seed.

Few do much and many do little: weights fall as a power of the rank.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import overload

END = datetime(2025, 10, 20, tzinfo=UTC)
# From this day on the real source names no commits in pushes.
WITHOUT_COMMITS = datetime(2025, 10, 7, tzinfo=UTC)
FIRST_ACCOUNT = 5_000_000
BOTS = ("dependabot[bot]", "renovate[bot]", "github-actions[bot]", "BrewTestBot")
NAMES = (
    "ana",
    "bo",
    "cy",
    "di",
    "eli",
    "fay",
    "gus",
    "hana",
    "ivo",
    "jo",
    "kim",
    "lea",
    "max",
    "noor",
)
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "iris", "juno")


@dataclass(frozen=True, slots=True)
class SampleSize:
    """How large a sample is; `commits` is about as many as `events`."""

    events: int = 20_000
    days: int = 45
    projects: int = 120

    @property
    def start(self) -> datetime:
        """The first hour of events."""
        return END - timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Person:
    """An account; `name` is what git shows."""

    id: int
    login: str
    name: str
    email: str

    @property
    def is_bot(self) -> bool:
        """Whether it is one of the sample's bots."""
        return self.login in BOTS


@dataclass(frozen=True, slots=True)
class People(Sequence[Person]):
    """Everybody, each made from a number when asked for: millions need no memory."""

    size: int

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, number: int) -> Person: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Person]: ...
    def __getitem__(self, number: int | slice) -> Person | Sequence[Person]:
        if isinstance(number, slice):
            return [_person(each) for each in range(self.size)[number]]
        return _person(range(self.size)[number])


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository; renamed to `later_name` on `renamed_at` where that is set."""

    id: int
    owner: str
    name: str
    later_name: str | None = None
    renamed_at: datetime | None = None
    fork_of: int | None = None
    has_history: bool = False

    def full_name(self, moment: datetime) -> str:
        """Return owner/name at that time."""
        is_renamed = self.renamed_at is not None and moment >= self.renamed_at
        return f"{self.owner}/{self.later_name if is_renamed and self.later_name else self.name}"


@dataclass
class World:
    """All that exists in a sample."""

    size: SampleSize
    people: People
    repositories: list[Repository]
    person_weights: Sequence[float]
    repository_weights: Sequence[float]

    def person(self, random: Random) -> Person:
        """Draw somebody; few are drawn often."""
        return random.choices(self.people, cum_weights=self.person_weights)[0]

    def person_of(self, account: int) -> Person:
        """Return who has an account, by its id."""
        return self.people[account - FIRST_ACCOUNT]

    def repository(self, random: Random) -> Repository:
        """Draw a repository; few are drawn often."""
        return random.choices(self.repositories, cum_weights=self.repository_weights)[0]


def make_world(size: SampleSize, random: Random) -> World:
    """Draw the world of a sample."""
    people = People(max(40, size.events // 12))
    repositories = [_repository(number, size, random) for number in range(size.projects * 3)]
    return World(size, people, repositories, _powers(len(people)), _powers(len(repositories)))


def fake_sha(*parts: object) -> str:
    """Return a hash that looks like a commit's and depends on ``parts`` only."""
    return hashlib.sha1("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def _person(number: int) -> Person:
    if number % 9 == 3 and number // 9 < len(BOTS):
        login = BOTS[number // 9]
        return Person(FIRST_ACCOUNT + number, login, login, f"{login}@users.noreply.github.com")
    if number == 5:
        # A bot in the name makes no bot.
        return Person(FIRST_ACCOUNT + number, "botantony", "botantony", "antony@example.org")
    name = NAMES[number % len(NAMES)]
    login = f"{name}{number}"
    email = (
        f"{FIRST_ACCOUNT + number}+{login}@users.noreply.github.com"
        if number % 4 == 0
        else f"{login}@example.org"
    )
    return Person(FIRST_ACCOUNT + number, login, f"{name.title()} {number}", email)


def repository_id(number: int) -> int:
    """Return the id of the repository with that number."""
    return 700_000_000 + number * 13


def _repository(number: int, size: SampleSize, random: Random) -> Repository:
    owner = f"{WORDS[number // 3 % len(WORDS)]}-{number // 6}"
    name = f"{WORDS[number * 7 % len(WORDS)]}{number}"
    renamed = size.start + timedelta(days=size.days / 2) if number % 40 == 2 else None
    return Repository(
        id=repository_id(number),
        owner=owner,
        name=name,
        later_name=f"{name}-next" if renamed else None,
        renamed_at=renamed,
        fork_of=number - 1 if number % 20 == 1 else None,
        has_history=number < 24,
    )


def _powers(count: int) -> Sequence[float]:
    return array("d", accumulate((rank + 3) ** -0.9 for rank in range(count)))
