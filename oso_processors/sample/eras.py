"""Hours of older eras for the sample: a day of the Timeline, and a day in the minimized form.

What the source tells today is made by the rest of the sample, whose last days are of the newest era.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson

from oso_processors.collectors.older_forms import MINIMIZED_TYPES
from oso_processors.sample.events import Maker, write_hour
from oso_processors.sample.world import World

# The hours of the Timeline are named by the clocks of California, seven hours behind in summer.
TIMELINE_DAY = datetime(2014, 6, 10, tzinfo=UTC)
BEHIND = timedelta(hours=7)
MINIMIZED_DAY = datetime(2015, 2, 22, tzinfo=UTC)
# Other ids than those of the other hours.
FIRST_ID = 2_500_000_000
# Reviews came later.
NOT_YET = "PullRequestReviewEvent"
SHORT = {whole: short for short, whole in MINIMIZED_TYPES.items()}
THREADS = {"issue": "issue", "icomment": "issue", "pr": "pull_request", "prcomment": "pull_request"}
Event = Mapping[str, Any]


def write_eras(folder: Path, world: World, random: Random) -> int:
    """Write 24 hours of each older form beside the other hours; return how many events there are."""
    # Histories begin later, and so would list no commits.
    maker = Maker(world, {}, random, number=FIRST_ID)
    count = max(1, world.size.events // world.size.days // 24)
    written = 0
    for number in range(24):
        named = TIMELINE_DAY + timedelta(hours=number)
        thin = MINIMIZED_DAY + timedelta(hours=number)
        first = [_timeline(each, named) for each in _events(maker, named + BEHIND, count)]
        second = [_minimized(each) for each in _events(maker, thin, count)]
        write_hour(folder, f"{named:%Y-%m-%d}-{named.hour}", map(orjson.dumps, first))
        write_hour(folder, f"minimized-{thin:%Y-%m-%d}-{thin.hour}", map(orjson.dumps, second))
        written += len(first) + len(second)
    return written


def _events(maker: Maker, hour: datetime, count: int) -> Iterator[Event]:
    return (each for each in maker.events(hour, count) if each["type"] != NOT_YET)


def _timeline(event: Event, named: datetime) -> dict[str, Any]:
    owner, _, name = event["repo"]["name"].partition("/")
    number = int(event["id"])
    payload, place = TIMELINE.get(event["type"], _as_it_is)(event["payload"], number)
    repository: dict[str, Any] = {"owner": owner, "name": name, "watchers": number % 100}
    # Some lines lack the number, and some have it with a point.
    if number % 50:
        identity = event["repo"]["id"]
        repository["id"] = float(identity) if number % 7 == 0 else identity
    login = event["actor"]["login"]
    moment = datetime.fromisoformat(event["created_at"]) - BEHIND
    return {
        "type": event["type"],
        "created_at": moment.strftime("%Y-%m-%dT%H:%M:%S-07:00"),
        "actor": login,
        "actor_attributes": {"login": login, "type": "User", "gravatar_id": ""},
        "repository": repository,
        "payload": payload,
        "public": True,
        "url": f"https://github.com/{owner}/{name}{place}",
    }


def _as_it_is(payload: Event, _: int) -> tuple[Event, str]:
    return payload, ""


def _push(payload: Event, number: int) -> tuple[Event, str]:
    shas: Any = [
        [each["sha"], each["author"]["email"], each["message"], each["author"]["name"], True]
        for each in payload["commits"]
    ]
    # Some lines have the list as text.
    told = orjson.dumps(shas).decode() if number % 3 == 0 else shas
    kept = {key: payload[key] for key in ("ref", "head", "size")}
    return {**kept, "shas": told}, f"/compare/{payload['before'][:10]}...{payload['head'][:10]}"


def _issue(payload: Event, _: int) -> tuple[Event, str]:
    issue = payload["issue"]
    told = {"action": payload["action"], "number": issue["number"], "issue": issue["id"]}
    return told, f"/issues/{issue['number']}"


def _comment(payload: Event, _: int) -> tuple[Event, str]:
    issue, comment = payload["issue"], payload["comment"]["id"]
    kind = "pull" if "pull_request" in issue else "issues"
    told = {"comment_id": comment, "issue_id": issue["id"]}
    return told, f"/{kind}/{issue['number']}#issuecomment-{comment}"


def _pull(payload: Event, _: int) -> tuple[Event, str]:
    return payload, f"/pull/{payload['pull_request']['number']}"


def _review_comment(payload: Event, _: int) -> tuple[Event, str]:
    place = f"/pull/{payload['pull_request']['number']}#discussion_r{payload['comment']['id']}"
    return payload, place


TIMELINE: Mapping[str, Callable[[Event, int], tuple[Event, str]]] = {
    "PushEvent": _push,
    "IssuesEvent": _issue,
    "IssueCommentEvent": _comment,
    "PullRequestEvent": _pull,
    "PullRequestReviewCommentEvent": _review_comment,
    "ForkEvent": lambda *_: ({}, ""),
}


def _minimized(event: Event) -> dict[str, Any]:
    kind, payload = SHORT[event["type"]], event["payload"]
    thread = payload.get(THREADS.get(kind, ""))
    return {
        "id": event["id"],
        "dt": event["created_at"],
        "repo": event["repo"]["name"],
        "type": kind,
        "actor": event["actor"]["login"],
        **({"commits": payload["size"]} if kind == "push" else {}),
        **({"age": thread["created_at"]} if thread else {}),
        **({"action": payload["action"]} if "action" in payload else {}),
    }
