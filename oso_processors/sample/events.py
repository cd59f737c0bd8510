"""Events of the sample: hour files in the format of GH Archive, written one hour at a time."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson

from oso_processors.collectors.git_log import as_pushed
from oso_processors.progress import Step
from oso_processors.sample.git import Histories
from oso_processors.sample.world import (
    END,
    WITHOUT_COMMITS,
    Person,
    Repository,
    World,
    fake_sha,
)

MISSING_HOURS = (100, 501)
BROKEN_HOUR = 200
API = "https://api.github.com"
TYPES = {
    "PushEvent": 46,
    "WatchEvent": 12,
    "PullRequestEvent": 11,
    "IssueCommentEvent": 9,
    "CreateEvent": 6,
    "IssuesEvent": 5,
    "ForkEvent": 3,
    "PullRequestReviewEvent": 3,
    "PullRequestReviewCommentEvent": 2,
    "ReleaseEvent": 2,
    "GollumEvent": 1,
}
RHYTHM = [3, 2, 2, 2, 2, 3, 4, 6, 8, 9, 10, 10, 9, 9, 10, 10, 9, 8, 7, 6, 6, 5, 4, 4]


def write_events(
    folder: Path, world: World, histories: Histories, random: Random, step: Step
) -> int:
    """Write every hour's file; return how many events there are, those that stand twice once."""
    folder.mkdir(parents=True, exist_ok=True)
    maker = Maker(world, histories, random)
    hours = world.size.days * 24
    weights = [_busyness(world.size.start + timedelta(hours=number)) for number in range(hours)]
    whole = sum(weights)
    carried: list[bytes] = []
    total = 0
    for number, weight in enumerate(weights):
        hour = world.size.start + timedelta(hours=number)
        count = round(world.size.events * weight / whole)
        lines = [orjson.dumps(event) for event in maker.events(hour, count)]
        total += len(lines)
        # Some come in a later hour's file, some in both.
        late = [line for line in lines if random.random() < 0.004]
        twice = [line for line in lines if random.random() < 0.004]
        own = [line for line in lines if line not in late]
        if number not in MISSING_HOURS:
            broken = [b'{"id":"1","type":"PushEv'] if number == BROKEN_HOUR else []
            write_hour(folder, f"{hour:%Y-%m-%d}-{hour.hour}", [*carried, *own, *broken])
        carried = late + twice
        step.advance()
    return total


def write_hour(folder: Path, name: str, lines: Iterable[bytes]) -> None:
    """Write the file of an hour."""
    path = folder / f"{name}.json.gz"
    # No time stamp in the file, so that the same sample is the same bytes.
    path.write_bytes(gzip.compress(b"\n".join([*lines, b""]), compresslevel=5, mtime=0))


def _busyness(hour: datetime) -> float:
    return RHYTHM[hour.hour] * (0.5 if hour.weekday() > 4 else 1.0)


@dataclass
class Maker:
    """Makes events, one after another; `number` is the last one's id."""

    world: World
    histories: Histories
    random: Random
    number: int = 40_000_000_000

    def events(self, hour: datetime, count: int) -> Iterator[dict[str, Any]]:
        """Yield an hour's events, in the order of their times."""
        for second in sorted(self.random.randrange(3600) for _ in range(count)):
            yield self._event(hour + timedelta(seconds=second))

    def _event(self, at: datetime) -> dict[str, Any]:
        self.number += self.random.randrange(1, 9)
        kind = self.random.choices(list(TYPES), cum_weights=CUMULATIVE)[0]
        person, repository = self.world.person(self.random), self.world.repository(self.random)
        name = repository.full_name(at)
        return {
            "id": str(self.number),
            "type": kind,
            "actor": _account(person),
            "repo": {"id": repository.id, "name": name, "url": f"{API}/repos/{name}"},
            "payload": PAYLOADS[kind](self, person, repository, at),
            "public": True,
            "created_at": _text(at),
            "org": {"id": repository.id % 9_973, "login": repository.owner},
        }

    def push(self, person: Person, repository: Repository, at: datetime) -> dict[str, Any]:
        """Return a push of what the repository's history holds, or of commits of its own."""
        head = fake_sha("head", self.number)
        body: dict[str, Any] = {
            "repository_id": repository.id,
            "push_id": self.number * 3,
            "ref": "refs/heads/main",
            "head": head,
            "before": fake_sha("before", self.number),
        }
        if at >= WITHOUT_COMMITS:
            return body
        size = min(int(self.random.paretovariate(1.2)), 60)
        commits = self._pushed(person, repository, at, min(size, 20))
        return {**body, "size": size, "distinct_size": size, "commits": commits}

    def _pushed(
        self, person: Person, repository: Repository, at: datetime, count: int
    ) -> list[dict[str, Any]]:
        history = self.histories.get(repository.id)
        if history:
            last = history.count_until(at)
            latest = history.commits(max(0, last - count), last)
            return [_listed(each.sha, each.author, repository) for each in latest]
        shas = (fake_sha(repository.id, self.number, each) for each in range(count))
        return [_listed(sha, person, repository) for sha in shas]

    def issue(self, person: Person, repository: Repository, at: datetime) -> dict[str, Any]:
        """Return an issue as events carry it; every third is a pull request's."""
        number = self.random.randrange(1, 400)
        url = f"{API}/repos/{repository.full_name(at)}/issues/{number}"
        body: dict[str, Any] = {
            "id": repository.id * 1_000 + number,
            "number": number,
            "url": url,
            "title": f"About {number}",
            "user": _account(person),
            "state": "open",
            "created_at": _text(at - timedelta(hours=number)),
            "closed_at": None,
        }
        if number % 3 == 0:
            body["pull_request"] = {"url": url.replace("/issues/", "/pulls/")}
        return body

    def pull_request(
        self, person: Person, repository: Repository, at: datetime, is_merged: bool
    ) -> dict[str, Any]:
        """Return a pull request as events carry it."""
        number = self.random.randrange(1, 400)
        return {
            "id": repository.id * 2_000 + number,
            "number": number,
            "title": f"Change {number}",
            "user": _account(person),
            "created_at": _text(at - timedelta(hours=number)),
            "closed_at": _text(at) if is_merged else None,
            "merged_at": _text(at) if is_merged else None,
            "merged": is_merged,
        }

    def issues(self, person: Person, repository: Repository, at: datetime) -> dict[str, Any]:
        """Return the payload of an IssuesEvent."""
        action = self.random.choices(("opened", "closed", "reopened"), (6, 4, 1))[0]
        return {"action": action, "issue": self.issue(person, repository, at)}

    def comment(self, person: Person, repository: Repository, at: datetime) -> dict[str, Any]:
        """Return the payload of an IssueCommentEvent."""
        body = {"id": self.number, "user": _account(person), "created_at": _text(at)}
        return {"action": "created", "issue": self.issue(person, repository, at), "comment": body}

    def pull(self, person: Person, repository: Repository, at: datetime) -> dict[str, Any]:
        """Return the payload of a PullRequestEvent."""
        action = self.random.choices(("opened", "closed", "reopened"), (5, 5, 1))[0]
        is_merged = action == "closed" and self.random.random() < 0.8
        body = self.pull_request(person, repository, at, is_merged)
        return {"action": action, "number": body["number"], "pull_request": body}

    def review(self, person: Person, repository: Repository, at: datetime) -> dict[str, Any]:
        """Return the payload of a PullRequestReviewEvent."""
        body = {"id": self.number, "user": _account(person), "state": "approved"}
        pull = self.pull_request(person, repository, at, False)
        return {"action": "created", "review": body, "pull_request": pull}

    def review_comment(
        self, person: Person, repository: Repository, at: datetime
    ) -> dict[str, Any]:
        """Return the payload of a PullRequestReviewCommentEvent."""
        body = {"id": self.number, "user": _account(person), "created_at": _text(at)}
        pull = self.pull_request(person, repository, at, False)
        return {"action": "created", "comment": body, "pull_request": pull}

    def release(self, person: Person, repository: Repository, at: datetime) -> dict[str, Any]:
        """Return the payload of a ReleaseEvent."""
        tag = f"v1.{self.number % 50}.0"
        return {"action": "published", "release": {"id": self.number, "tag_name": tag}}


Payload = Callable[[Maker, Person, Repository, datetime], dict[str, Any]]
PAYLOADS: Mapping[str, Payload] = {
    "PushEvent": Maker.push,
    "WatchEvent": lambda *_: {"action": "started"},
    "PullRequestEvent": Maker.pull,
    "IssueCommentEvent": Maker.comment,
    "CreateEvent": lambda *_: {"ref": "topic", "ref_type": "branch", "pusher_type": "user"},
    "IssuesEvent": Maker.issues,
    "ForkEvent": lambda maker, person, repository, _: {
        "forkee": {"id": maker.number, "full_name": f"{person.login}/{repository.name}"}
    },
    "PullRequestReviewEvent": Maker.review,
    "PullRequestReviewCommentEvent": Maker.review_comment,
    "ReleaseEvent": Maker.release,
    "GollumEvent": lambda *_: {"pages": []},
}
CUMULATIVE = [sum(list(TYPES.values())[: rank + 1]) for rank, _ in enumerate(TYPES)]


def _listed(sha: str, author: Person, repository: Repository) -> dict[str, Any]:
    return {
        "sha": sha,
        "author": {"email": as_pushed(author.email), "name": author.name},
        "message": "Change things",
        "distinct": True,
        "url": f"{API}/repos/{repository.owner}/{repository.name}/commits/{sha}",
    }


def _account(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "login": person.login,
        "display_login": person.login,
        "gravatar_id": "",
        "url": f"{API}/users/{person.login}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{person.id}?",
    }


def _text(moment: datetime) -> str:
    return min(moment, END).strftime("%Y-%m-%dT%H:%M:%SZ")


__all__ = ["Maker", "write_events", "write_hour"]
