"""Git histories of the sample: three years of commits of some repositories, as Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oso_processors.collectors.git_log import as_pushed
from oso_processors.collectors.schema import sha256
from oso_processors.sample.world import END, Person, Repository, World, fake_sha, repository_id

YEARS = 3
MOMENT = pa.timestamp("us", tz="UTC")
COMMITS = pa.schema(
    [
        ("repo", pa.string()),
        ("sha", pa.string()),
        ("parents", pa.int16()),
        ("author_name", pa.string()),
        ("author_email_sha256", pa.string()),
        ("author_pushed_email_sha256", pa.string()),
        ("author_canon_name", pa.string()),
        ("author_canon_email_sha256", pa.string()),
        ("author_noreply_id", pa.int64()),
        ("author_noreply_login", pa.string()),
        ("author_time", MOMENT),
        ("author_tz_min", pa.int16()),
        ("committer_time", MOMENT),
        ("is_merge", pa.bool_()),
        ("additions", pa.int64()),
        ("deletions", pa.int64()),
        ("files", pa.int32()),
        ("binary_files", pa.int32()),
    ]
)
TAGS = pa.schema(
    [
        ("repo", pa.string()),
        ("tag", pa.string()),
        ("object_type", pa.string()),
        ("commit_sha", pa.string()),
        ("created", MOMENT),
    ]
)


# Twenty-nine bytes a commit; what a fork began with is from where it was forked.
COLUMNS = np.dtype(
    [
        ("second", "i8"),
        ("origin", "i8"),
        ("number", "i4"),
        ("author", "i4"),
        ("lines", "i4"),
        ("is_merge", "?"),
    ]
)
MOST_LINES = 100_000
BLOCK = 10_000


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the sample."""

    sha: str
    author: Person
    at: datetime
    is_merge: bool
    lines: int


@dataclass(frozen=True, slots=True)
class History:
    """The commits of a repository, oldest first; each is made from its numbers when asked for."""

    world: World
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def commits(self, begin: int, end: int, step: int = 1) -> Iterator[Commit]:
        """Give those from one place to before another."""
        for second, origin, number, author, lines, is_merge in self.rows[begin:end:step].tolist():
            at = datetime.fromtimestamp(second, UTC)
            yield Commit(
                fake_sha(origin, number), self.world.person_of(author), at, is_merge, lines
            )

    def count_until(self, at: datetime) -> int:
        """Return how many there were at a time."""
        return int(self.rows["second"].searchsorted(int(at.timestamp()), side="right"))


Histories = dict[int, History]


def make_histories(world: World, random: Random) -> Histories:
    """Draw the commits of every repository that has a history, by its id, oldest first."""
    chosen = [each for each in world.repositories if each.has_history]
    weights = [(rank + 2) ** -0.8 for rank, _ in enumerate(chosen)]
    histories: Histories = {}
    for repository, weight in zip(chosen, weights, strict=True):
        count = max(10, int(world.size.events * weight / sum(weights)))
        own = np.fromiter(_commits(repository, world, count, random), COLUMNS, count)
        own = own[own["second"].argsort(kind="stable")]
        if (
            repository.fork_of is not None
            and (parent := repository_id(repository.fork_of)) in histories
        ):
            # A fork keeps the history that it began with.
            shared = histories[parent].rows[: len(histories[parent]) // 2]
            own = np.concatenate([shared, own[own["second"] > shared["second"][-1]]])
        histories[repository.id] = History(world, own)
    return histories


def write_git(folder: Path, world: World, histories: Histories, random: Random) -> int:
    """Write commits.parquet and tags.parquet; return how many commits there are."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {each.id: each.full_name(END) for each in world.repositories}
    with pq.ParquetWriter(folder / "commits.parquet", COMMITS, compression="zstd") as writer:
        for key, found in histories.items():
            rows = _rows(names[key], found, random)
            while block := list(islice(rows, BLOCK)):
                writer.write_table(pa.Table.from_pylist(block, COMMITS))
    tags = [row for key, found in histories.items() for row in _tags(names[key], found)]
    pq.write_table(pa.Table.from_pylist(tags, TAGS), folder / "tags.parquet", compression="zstd")
    return sum(map(len, histories.values()))


def _commits(
    repository: Repository, world: World, count: int, random: Random
) -> Iterator[tuple[int, int, int, int, int, bool]]:
    """Yield the columns of commits, not in the order of their times."""
    begin = int((END - timedelta(days=365 * YEARS)).timestamp())
    team = [_member(world, random) for _ in range(max(3, count // 25))]
    # Summed up once: weights that are not would be summed for every commit.
    ranks = list(accumulate((rank + 1) ** -1.1 for rank, _ in enumerate(team)))
    for number in range(count):
        account, first, last = random.choices(team, cum_weights=ranks)[0]
        share = first + (last - first) * random.random()
        second = begin + int(share * 365 * YEARS * 86_400)
        if number < 3 and repository.id == repository_id(0):
            second = int(datetime(2003, 5, number + 1, 12, tzinfo=UTC).timestamp())
        is_merge = random.random() < 0.1
        lines = min(int(random.paretovariate(0.9) * 3), MOST_LINES)
        yield second, repository.id, number, account, lines, is_merge


def _member(world: World, random: Random) -> tuple[int, float, float]:
    """Draw somebody's account and the part of the years in which they are there."""
    first = random.random() ** 1.5
    return world.person(random).id, first, min(1.0, first + random.random() ** 2)


def _rows(name: str, history: History, random: Random) -> Iterator[dict[str, object]]:
    for number, commit in enumerate(history.commits(0, len(history))):
        person = commit.author
        # Some write from a second address, which the repository's .mailmap joins to the first.
        written = f"{person.login}@laptop.example" if number % 17 == 0 else person.email
        ahead = timedelta(hours=3) if number % 97 == 0 else timedelta(minutes=-number % 60)
        is_noreply = written.endswith("@users.noreply.github.com")
        lines = None if commit.is_merge or number % 301 == 0 else commit.lines
        yield {
            "repo": name,
            "sha": commit.sha,
            "parents": 2 if commit.is_merge else min(number, 1),
            "author_name": "" if number % 401 == 0 else person.name,
            "author_email_sha256": sha256(written),
            "author_pushed_email_sha256": sha256(as_pushed(written)),
            "author_canon_name": person.name,
            "author_canon_email_sha256": sha256(person.email),
            "author_noreply_id": person.id if is_noreply and "+" in written else None,
            "author_noreply_login": person.login if is_noreply else None,
            "author_time": commit.at + ahead,
            "author_tz_min": random.choice((0, 60, -300, 330)),
            "committer_time": commit.at,
            "is_merge": commit.is_merge,
            "additions": lines,
            "deletions": None if lines is None else lines // 3,
            "files": None if lines is None else 1 + lines // 50,
            "binary_files": None if lines is None else 0,
        }


def _tags(name: str, history: History) -> Iterator[dict[str, object]]:
    for number, commit in enumerate(history.commits(0, len(history), 200)):
        yield {
            "repo": name,
            "tag": f"v0.{number}.0",
            "object_type": "tag" if number % 2 else "commit",
            "commit_sha": commit.sha,
            "created": commit.at,
        }
