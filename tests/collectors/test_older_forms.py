"""Lines of the Timeline, of before 2015, and of minimized hours, as rows."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oso_processors.collectors.gharchive import EVENTS
from oso_processors.collectors.misfits import misfits
from oso_processors.collectors.older_forms import derived_id, row_maker
from tests.collectors.older_lines import PUSH, PUSHED, STAR, THIN_STAR, without_id

SHARED = Path(__file__).parents[3] / "shared" / "data" / "gharchive"
row_of = row_maker(EVENTS)
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="the real data is not here")


def timeline(kind, url, payload, **more):
    """An event of the Timeline."""
    return {**PUSH, "type": kind, "url": f"https://github.com{url}", "payload": payload, **more}


def told(row):
    """What a row tells besides who, where and when."""
    common = {"id", "type", "created_at", "actor_login", "repo_id", "repo_name"}
    return {key: value for key, value in row.items() if key not in common}


def test_a_push_of_the_timeline_is_a_push_with_its_commits_and_no_address():
    assert without_id(row_of(PUSH)) == PUSHED


def test_what_some_lines_have_as_text_is_read_alike():
    shas = orjson.dumps(PUSH["payload"]["shas"]).decode()

    row = row_of({**PUSH, "payload": {**PUSH["payload"], "shas": shas}})

    assert row == row_of(PUSH)


def test_the_first_years_wrote_times_in_their_own_way():
    row = row_of({**PUSH, "created_at": "2012/03/10 22:12:39 -0800"})

    assert row["created_at"] == "2012-03-11T06:12:39Z"


def test_a_merged_pull_request_tells_who_opened_it():
    pull = {
        "id": 16976794,
        "number": 562,
        "created_at": "2014-06-11T02:30:51Z",
        "merged": True,
        "merged_at": "2014-06-11T02:30:56Z",
        "user": {"id": 5, "login": "bo"},
    }
    payload = {"action": "closed", "number": 562, "pull_request": pull}

    assert told(row_of(timeline("PullRequestEvent", "/Tools/consul/pull/562", payload))) == {
        "action": "closed",
        "pull_request_id": 16976794,
        "pull_request_number": 562,
        "pull_request_created_at": "2014-06-11T02:30:51Z",
        "pull_request_merged_at": "2014-06-11T02:30:56Z",
        "pull_request_is_merged": True,
        "pull_request_user_id": 5,
        "pull_request_user_login": "bo",
    }


def test_a_closed_pull_request_that_does_not_tell_its_end_is_neither_closed_nor_merged():
    payload = {"action": "closed", "number": 5, "pull_request": {"id": 8, "number": 5}}

    row = row_of(timeline("PullRequestEvent", "/Tools/consul/pull/5", payload))

    assert row["action"] == "closed or merged"


def test_a_comment_is_about_the_thread_in_its_address():
    payload = {"comment_id": 45695799, "issue_id": 35445651}
    on_pull = timeline("IssueCommentEvent", "/aws/sdk/pull/65#issuecomment-45695799", payload)
    on_issue = timeline("IssueCommentEvent", "/aws/sdk/issues/66#issuecomment-1", payload)

    assert told(row_of(on_pull)) == {
        "comment_id": 45695799,
        "issue_id": 35445651,
        "issue_number": 65,
        "issue_pull_request_url": "https://github.com/aws/sdk/pull/65#issuecomment-45695799",
    }
    assert told(row_of(on_issue)) == {
        "comment_id": 45695799,
        "issue_id": 35445651,
        "issue_number": 66,
    }


def test_issues_stars_forks_and_releases_are_those_of_today():
    opened = {"action": "opened", "issue": 35446439, "number": 9}
    released = {"action": "published", "release": {"id": 4, "tag_name": "v1"}}

    issue = told(row_of(timeline("IssuesEvent", "/Tools/consul/issues/9", opened)))
    star = told(row_of(timeline("WatchEvent", "/Tools/consul", {"action": "started"})))
    fork = told(row_of(timeline("ForkEvent", "/ana/consul", {})))
    release = told(row_of(timeline("ReleaseEvent", "/Tools/consul/releases/tag/v1", released)))

    assert issue == {"action": "opened", "issue_id": 35446439, "issue_number": 9}
    assert star == {"action": "started"}
    assert fork == {}
    assert release == {"action": "published", "release_tag": "v1"}


def test_an_event_is_the_same_whatever_its_repository_has_become():
    later = {**PUSH, "repository": {**PUSH["repository"], "watchers": 4}}
    another = {**PUSH, "created_at": "2014-06-10T19:12:40-07:00"}

    assert row_of(later)["id"] == row_of(PUSH)["id"]
    assert row_of(another)["id"] != row_of(PUSH)["id"]
    assert row_of(PUSH)["id"] == "timeline-863c908720033ce35e668faf28aee16f"


def test_a_repository_without_a_number_gets_one_that_is_nobodys():
    nameless = {"owner": "Tools", "name": "consul"}

    row = row_of({**PUSH, "repository": nameless})

    assert row["repo_id"] == derived_id("tools/CONSUL") < 0
    assert abs(row["repo_id"]) < 2**56


def test_an_event_without_a_repository_has_none():
    row = row_of({**PUSH, "type": "FollowEvent", "repository": {}, "payload": {}})

    assert (row.get("repo_id"), row.get("repo_name")) == (None, None)


def test_a_minimized_event_tells_who_did_what_where():
    closed = {
        "id": "8",
        "dt": "2015-02-22T21:00:20Z",
        "repo": "A/b",
        "type": "pr",
        "actor": "bo",
        "age": "2015-02-22T21:00:12Z",
        "action": "closed",
    }
    push = {**THIN_STAR, "type": "push", "commits": 3}

    assert row_of(THIN_STAR) == {
        "id": "9",
        "type": "WatchEvent",
        "created_at": "2015-02-22T21:00:01Z",
        "actor_login": "bo",
        "repo_id": derived_id("a/b"),
        "repo_name": "A/b",
    }
    assert told(row_of(closed)) == {
        "action": "closed or merged",
        "pull_request_created_at": "2015-02-22T21:00:12Z",
    }
    assert told(row_of(push)) == {"push_size": 3}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = [(key,) for key in PUSH] + [("payload", key) for key in PUSH["payload"]]
KEYS += [("repository", key) for key in PUSH["repository"]] + [(key,) for key in THIN_STAR]


@given(st.sampled_from([PUSH, THIN_STAR, STAR]), st.sampled_from(KEYS), VALUES)
def test_a_line_with_anything_anywhere_is_a_row_or_a_misfit(line, place, value):
    line = orjson.loads(orjson.dumps(line))
    found = line
    for part in place[:-1]:
        found = found.setdefault(part, {})
        if not isinstance(found, dict):
            return
    found[place[-1]] = value

    row = row_of(orjson.loads(orjson.dumps(line)))

    assert set(row) <= set(EVENTS["properties"])
    assert misfits(EVENTS)(row) in {None, *EVENTS["properties"]}


@needs_shared
def test_the_real_timeline_is_read_whole():
    lines = gzip.decompress((SHARED / "timeline-pre2015.sample.json.gz").read_bytes()).splitlines()
    found = [row_of(orjson.loads(line)) for line in lines]

    assert [misfits(EVENTS)(row) for row in found] == [None] * 36
    assert len({row["id"] for row in found}) == 36
    assert not any(row["repo_id"] < 0 for row in found)
    assert Counter(row["type"] for row in found if row.get("pull_request_is_merged")) == {
        "PullRequestEvent": 2
    }
    assert sum(len(row.get("commits", ())) for row in found) == sum(
        row.get("push_size", 0) for row in found
    )
    assert b"@" not in orjson.dumps([row.get("commits") for row in found])
