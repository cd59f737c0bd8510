"""Lines of the older forms of GH Archive, and what they are as rows."""

from __future__ import annotations

from hashlib import sha256

PUSH = {
    "type": "PushEvent",
    "created_at": "2014-06-10T19:12:39-07:00",
    "actor": "ana",
    "actor_attributes": {"login": "ana", "type": "User", "email": "Ana@Example.org"},
    "repository": {"id": 14125254.0, "owner": "Tools", "name": "consul", "watchers": 3},
    "payload": {
        "ref": "refs/heads/master",
        "head": "b2",
        "size": 2,
        "shas": [
            ["a1", "Ana@Example.org ", "Use it", "Ana", True],
            ["b2", None, "Use it", "bo@example.org", False],
        ],
    },
    "public": True,
    "url": "https://github.com/Tools/consul/compare/00...b2",
}
PUSHED = {
    "type": "PushEvent",
    "created_at": "2014-06-11T02:12:39Z",
    "actor_login": "ana",
    "repo_id": 14125254,
    "repo_name": "Tools/consul",
    "ref": "refs/heads/master",
    "push_size": 2,
    "commits": [
        {
            "sha": "a1",
            "is_distinct": True,
            "author_name": "Ana",
            "author_email_sha256": sha256(b"ana@example.org").hexdigest(),
        },
        {"sha": "b2", "is_distinct": False, "author_name": None, "author_email_sha256": None},
    ],
}
THIN_STAR = {"id": "9", "dt": "2015-02-22T21:00:01Z", "repo": "A/b", "type": "watch", "actor": "bo"}
STAR = {
    "id": "9",
    "type": "WatchEvent",
    "created_at": "2015-02-22T21:00:01Z",
    "actor": {"id": 7, "login": "bo"},
    "repo": {"id": 3, "name": "A/b"},
    "payload": {"action": "started"},
}


def without_id(row):
    return {key: value for key, value in row.items() if key != "id"}
