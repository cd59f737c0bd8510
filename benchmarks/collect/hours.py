"""Synthetic hours of GH Archive with the sizes of real busy ones: what an event holds, and how well it packs.

An hour of 200,000 events is about 578 MB, and 99 MB as gzip. The same seed gives the same bytes.
"""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import orjson

START = datetime(2024, 5, 1, 9, tzinfo=UTC)
API = "https://api.github.com"
SHARES = {
    "PushEvent": 54,
    "CreateEvent": 10,
    "WatchEvent": 9,
    "PullRequestEvent": 7,
    "IssueCommentEvent": 6,
    "DeleteEvent": 4,
    "IssuesEvent": 3,
    "PullRequestReviewEvent": 3,
    "ForkEvent": 2,
    "ReleaseEvent": 2,
}
NAMES = """
html forks keys collaborators teams hooks issue_events events assignees branches tags blobs git_tags
git_refs trees statuses languages stargazers contributors subscribers subscription commits git_commits
comments issue_comment contents compare merges archive downloads issues pulls milestones notifications
labels releases deployments
"""
URLS = NAMES.split()


def make_hours(folder: Path, hours: int, events: int) -> list[Path]:
    """Make the hours that ``folder`` lacks, and return them all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(hours):
        hour = START + timedelta(hours=number)
        path = folder / f"{hour:%Y-%m-%d}-{hour.hour}.json.gz"
        if not path.exists():
            part = path.with_suffix(".part")
            with gzip.open(part, "wb", compresslevel=6) as file:
                maker = _Maker(Random(number), hour)
                for index in range(events):
                    file.write(maker.line(number * events + index, index / events))
            part.replace(path)
        paths.append(path)
    return paths


class _Maker:
    def __init__(self, random: Random, hour: datetime) -> None:
        self.random, self.hour = random, hour
        self.words = [self._hex(3 + random.randrange(6)) for _ in range(4000)]
        self.kinds, self.weights = list(SHARES), list(SHARES.values())

    def line(self, number: int, share: float) -> bytes:
        kind = self.random.choices(self.kinds, self.weights)[0]
        actor, repo = self._user(), self._repository_name()
        event = {
            "id": str(38_000_000_000 + number),
            "type": kind,
            "actor": actor,
            "repo": repo,
            "payload": self._payload(kind, repo),
            "public": True,
            "created_at": self._time(share),
        }
        if self.random.random() < 0.3:
            event["org"] = self._user()
        return orjson.dumps(event) + b"\n"

    def _payload(self, kind: str, repo: dict) -> dict:
        if kind == "PushEvent":
            return self._push(repo)
        if kind == "PullRequestEvent":
            request = self._request(repo)
            return {"action": "opened", "number": request["number"], "pull_request": request}
        if kind == "PullRequestReviewEvent":
            review = {"id": self._id(), "user": self._account(), "state": "approved", "body": None}
            return {"action": "created", "review": review, "pull_request": self._request(repo)}
        if kind == "IssuesEvent":
            return {"action": "closed", "issue": self._issue(repo)}
        if kind == "IssueCommentEvent":
            comment = {"id": self._id(), "user": self._account(), "body": self._text(150)}
            return {"action": "created", "issue": self._issue(repo), "comment": comment}
        if kind == "ForkEvent":
            return {"forkee": self._repository(repo["name"])}
        if kind == "ReleaseEvent":
            release = {"id": self._id(), "tag_name": "v1.2.3", "body": self._text(200)}
            return {"action": "published", "release": {**release, "author": self._account()}}
        if kind == "WatchEvent":
            return {"action": "started"}
        return {"ref": self._hex(8), "ref_type": "branch", "description": self._text(12)}

    def _push(self, repo: dict) -> dict:
        count = self.random.choice((1, 1, 1, 2, 4))
        return {
            "repository_id": repo["id"],
            "push_id": self._id(),
            "size": count,
            "distinct_size": count,
            "ref": "refs/heads/main",
            "head": self._hex(40),
            "before": self._hex(40),
            "commits": [self._commit(repo) for _ in range(count)],
        }

    def _commit(self, repo: dict) -> dict:
        sha, name = self._hex(40), self._word()
        return {
            "sha": sha,
            "author": {"email": f"{self._hex(40)}@example.org", "name": name},
            "message": self._text(10),
            "distinct": True,
            "url": f"{API}/repos/{repo['name']}/commits/{sha}",
        }

    def _request(self, repo: dict) -> dict:
        side = {"label": "x:main", "ref": "main", "sha": self._hex(40), "user": self._account()}
        repository = self._repository(repo["name"])
        return {
            **self._ticket(repo),
            "merged_at": None,
            "merged": False,
            "head": {**side, "repo": repository},
            "base": {**side, "repo": repository},
            "commits": 1,
            "additions": 10,
            "deletions": 2,
        }

    def _issue(self, repo: dict) -> dict:
        return {**self._ticket(repo), "labels": [], "reactions": dict.fromkeys(URLS[:8], 0)}

    def _ticket(self, repo: dict) -> dict:
        number = self.random.randrange(1, 9000)
        return {
            "url": f"{API}/repos/{repo['name']}/issues/{number}",
            "id": self._id(),
            "number": number,
            "state": "open",
            "title": self._text(8),
            "user": self._account(),
            "body": self._text(280),
            "created_at": "2024-04-30T12:00:00Z",
            "updated_at": self._time(0),
        }

    def _repository(self, name: str) -> dict:
        urls = {f"{each}_url": f"{API}/repos/{name}/{each}" for each in URLS}
        owner = {"id": self._id(), "name": name.split("/")[1], "owner": self._account()}
        return {**owner, **urls, "description": self._text(15), "size": self._id() % 9999}

    def _account(self) -> dict:
        user = self._user()
        return {**user, **{f"{each}_url": f"{user['url']}/{each}" for each in URLS[1:14]}}

    def _user(self) -> dict:
        number = int(self.random.paretovariate(0.8)) % 3_000_000
        login = f"{self.words[number % 4000]}{number}"
        picture = f"https://avatars.githubusercontent.com/u/{number}?"
        return {"id": number, "login": login, "url": f"{API}/users/{login}", "avatar_url": picture}

    def _repository_name(self) -> dict:
        number = int(self.random.paretovariate(0.7)) % 900_000
        name = f"{self.words[number % 3989]}/{self.words[number % 3571]}-{number}"
        return {"id": number, "name": name, "url": f"{API}/repos/{name}"}

    def _time(self, share: float) -> str:
        return (self.hour + timedelta(seconds=int(share * 3600))).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _text(self, words: int) -> str:
        return " ".join(self.random.choices(self.words, k=words))

    def _word(self) -> str:
        return self.random.choice(self.words)

    def _id(self) -> int:
        return self.random.randrange(2_000_000_000)

    def _hex(self, digits: int) -> str:
        return f"{self.random.getrandbits(digits * 4):0{digits}x}"
