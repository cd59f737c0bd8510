"""Hours in another form than today's, as the rows that an hour of today would give.

Before 2015 the archive recorded GitHub's Timeline, whose events have no id and whose accounts have no
number; some hours are kept in a minimized form, which tells little but who did what where. What
neither tells stays NULL, and `Told` says of each hour what that is.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from oso_processors.collectors.careful import Reject, lines_of, sound_rows
from oso_processors.collectors.schema import sha256, slimmer

EVENTS_FORM, TIMELINE, MINIMIZED = "events", "timeline", "minimized"
# From here on hours are kept as the Events API gives them; the last hours of the Timeline, whose
# names are those of California, overlap with the first of these.
EVENTS_API = datetime(2015, 1, 1, tzinfo=UTC)
# A closed pull request of which nobody told whether it was merged: it is neither counted as closed
# nor as merged.
UNTOLD_END = "closed or merged"
LOOKED_AT = 20
MOMENT = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)"
)
# Some write their address where their name belongs.
ADDRESS = re.compile(r"\S@\S")
THREAD = re.compile(r"/(issues|pull)/(\d+)")
OF_THREADS = frozenset(
    {
        "IssuesEvent",
        "IssueCommentEvent",
        "PullRequestEvent",
        "PullRequestReviewEvent",
        "PullRequestReviewCommentEvent",
    }
)
MINIMIZED_TYPES: Mapping[str, str] = {
    "ccomment": "CommitCommentEvent",
    "create": "CreateEvent",
    "del": "DeleteEvent",
    "fork": "ForkEvent",
    "golem": "GollumEvent",
    "icomment": "IssueCommentEvent",
    "issue": "IssuesEvent",
    "member": "MemberEvent",
    "pr": "PullRequestEvent",
    "prcomment": "PullRequestReviewCommentEvent",
    "public": "PublicEvent",
    "push": "PushEvent",
    "release": "ReleaseEvent",
    "watch": "WatchEvent",
}
Row = dict[str, Any]


@dataclass
class Told:
    """What an hour's rows told: at which hours they happened, and what they left out."""

    form: str
    hours: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    untold: Counter[str] = field(default_factory=Counter)

    def hear(self, row: Row) -> None:
        """Take account of one row."""
        if moment := row.get("created_at"):
            self.hours[moment[:13]] += 1
        kind = str(row.get("type"))
        if kind == "PushEvent" and row.get("push_size"):
            self._count("commits", not row.get("commits"))
        elif kind == "PullRequestEvent" and row.get("action") in ("closed", UNTOLD_END):
            self._count("merges", row["action"] == UNTOLD_END)
        if kind in OF_THREADS:
            number = row.get("issue_number") or row.get("pull_request_number")
            self._count("threads", number is None)

    def _count(self, what: str, is_untold: bool) -> None:
        self.asked[what] += 1
        self.untold[what] += is_untold

    def has(self, what: str) -> bool:
        """Tell whether commits, merges or threads were told, but for a hundredth of them."""
        return self.form != MINIMIZED and self.untold[what] * 100 <= self.asked[what]

    def covered(self) -> list[str]:
        """Return the hours, in UTC, that the rows are about; a stray event makes none."""
        total = self.hours.total()
        return sorted(f"{hour}:00:00Z" for hour, n in self.hours.items() if n * 10 >= total)


def form_of(path: Path) -> str:
    """Return the form that a file's first sound lines are in; raise `Unreadable` for no gzip."""
    for _, line in islice(lines_of(path), LOOKED_AT):
        try:
            value = orjson.loads(line or b"")
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            return _form(value)
    return EVENTS_FORM


def older_rows(
    path: Path, name: str, json_schema: Mapping[str, Any], told: Told
) -> Iterator[Row | Reject]:
    """Yield the rows of a file whose lines may be in any form, or what is wrong with a line.

    What the Timeline tells of the time from 2015 on stands in the hours of the Events API.
    """
    for _, row in sound_rows(path, name, json_schema, True, row_maker(json_schema)):
        if isinstance(row, Reject):
            yield row
        elif told.form != TIMELINE or row.get("created_at", "") < _text(EVENTS_API):
            told.hear(row)
            yield row


def row_maker(json_schema: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Row]:
    """Return the function from a parsed line in any form to a row."""
    slim = slimmer(json_schema)

    def row_of(value: Mapping[str, Any]) -> Row:
        form = _form(value)
        if form == MINIMIZED:
            row = _minimized(value)
        elif form == TIMELINE:
            row = _timeline(value)
        else:
            row = _first_events(value, slim(value))
        return {key: each for key, each in row.items() if each is not None}

    return row_of


def derived_id(name: str) -> int:
    """Return the number that stands for a repository of which only the name is known.

    It is negative, so that it is nobody's at GitHub.
    """
    return -1 - int.from_bytes(hashlib.sha256(name.lower().encode()).digest()[:7])


def _form(value: Mapping[str, Any]) -> str:
    if "dt" in value and "created_at" not in value:
        return MINIMIZED
    is_timeline = isinstance(value.get("actor"), str) or "repository" in value
    return TIMELINE if is_timeline else EVENTS_FORM


def _first_events(value: Mapping[str, Any], row: Row) -> Row:
    """Return a row of the Events API; in the first years some lines lack an id, and list shas."""
    payload = _object(value.get("payload"))
    found = {**_pushed(payload), **row, "created_at": _moment(row.get("created_at"))}
    return {"id": _event_id(found, value.get("url"), payload.get("head")), **found}


def _minimized(value: Mapping[str, Any]) -> Row:
    kind, action, age = value.get("type"), value.get("action"), value.get("age")
    type_ = MINIMIZED_TYPES.get(str(kind), kind)
    is_closing = kind == "pr" and action == "closed"
    return {
        "id": value.get("id"),
        "type": type_,
        "created_at": value.get("dt"),
        "actor_login": value.get("actor"),
        **_repository({}, value.get("repo")),
        "action": UNTOLD_END if is_closing else action,
        "push_size": value.get("commits"),
        "issue_created_at": age if kind in ("issue", "icomment") else None,
        "pull_request_created_at": age if kind in ("pr", "prcomment") else None,
    }


def _timeline(value: Mapping[str, Any]) -> Row:
    payload = _object(value.get("payload"))
    repository = _object(value.get("repository"))
    owner, name = repository.get("owner"), repository.get("name")
    row = {
        "type": value.get("type"),
        "created_at": _moment(value.get("created_at")),
        "actor_login": value.get("actor") or _object(value.get("actor_attributes")).get("login"),
        **_repository(repository, f"{owner}/{name}" if owner and name else None),
        "org_login": repository.get("organization"),
        "action": payload.get("action"),
        "ref": payload.get("ref"),
        "ref_type": payload.get("ref_type"),
        **_pushed(payload),
        **_thread(value, payload),
        "comment_id": _object(payload.get("comment")).get("id") or payload.get("comment_id"),
        "release_tag": _object(payload.get("release")).get("tag_name"),
    }
    return {"id": _event_id(row, value.get("url"), payload.get("head")), **row}


def _thread(value: Mapping[str, Any], payload: Mapping[str, Any]) -> Row:
    """Return what is told of the issue or the pull request that an event is about."""
    kind, url = str(value.get("type")), str(value.get("url"))
    if kind not in OF_THREADS:
        return {}
    found = THREAD.search(url)
    number = payload.get("number") or (int(found[2]) if found else None)
    if not kind.startswith("PullRequest"):
        is_on_pull_request = found is not None and found[1] == "pull"
        issue = payload.get("issue")
        return {
            "issue_id": _object(issue).get("id") or payload.get("issue_id") or _whole(issue),
            "issue_number": number,
            "issue_pull_request_url": url if is_on_pull_request else None,
        }
    pull = _object(payload.get("pull_request"))
    user = _object(pull.get("user"))
    is_untold = (
        payload.get("action") == "closed" and "merged" not in pull and "merged_at" not in pull
    )
    return {
        **({"action": UNTOLD_END} if is_untold and kind == "PullRequestEvent" else {}),
        "pull_request_id": _whole(pull.get("id")),
        "pull_request_number": _whole(pull.get("number")) or number,
        "pull_request_created_at": _moment(pull.get("created_at")),
        "pull_request_merged_at": _moment(pull.get("merged_at")),
        "pull_request_is_merged": pull.get("merged"),
        "pull_request_user_id": _whole(user.get("id")),
        "pull_request_user_login": user.get("login"),
    }


def _pushed(payload: Mapping[str, Any]) -> Row:
    """Return what a push of before 2015 lists: sha, address, message, name, and whether it is new."""
    shas = payload.get("shas")
    if isinstance(shas, str):
        shas = _parsed(shas)
    if not isinstance(shas, list):
        return {}
    commits = [_commit(each) for each in shas if isinstance(each, list) and each]
    return {"push_size": payload.get("size"), "commits": commits}


def _commit(listed: Sequence[Any]) -> Row:
    sha, email, _, name, is_distinct = [*listed, None, None, None, None][:5]
    return {
        "sha": sha,
        "is_distinct": is_distinct,
        "author_name": None if isinstance(name, str) and ADDRESS.search(name) else name,
        "author_email_sha256": sha256(email) if isinstance(email, str) else None,
    }


def _repository(told: Mapping[str, Any], name: Any) -> Row:
    """Return the repository's number and name; the number is derived where only the name is told."""
    number = _whole(told.get("id"))
    if number is None and isinstance(name, str):
        number = derived_id(name)
    return {"repo_id": number, "repo_name": name}


def _event_id(row: Row, url: Any, head: Any) -> str:
    """Return an id made of what an event is, so that the same event always gets the same.

    What a line tells of the state of the repository is left out: two crawls may tell it differently.
    """
    keys = ("type", "created_at", "actor_login", "repo_name", "action", "ref", "ref_type")
    content = orjson.dumps([*(row.get(key) for key in keys), url, head])
    return f"timeline-{hashlib.sha256(content).hexdigest()[:32]}"


def _moment(text: Any) -> Any:
    """Return a time as UTC in one spelling; what is none is left for the check of types."""
    found = MOMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return text
    year, month, day, time, zone = found.groups()
    offset = "+00:00" if zone == "UTC" else zone
    try:
        return _text(datetime.fromisoformat(f"{year}-{month}-{day}T{time}{offset}"))
    except ValueError:
        return text


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _object(value: Any) -> Mapping[str, Any]:
    """Return an object, which some lines have as text, or an empty one where there is none."""
    found = _parsed(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _whole(value: Any) -> Any:
    """Return a number without the point that some lines write it with."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
