"""Hours of the Timeline, of before 2015, and hours in minimized form."""

from __future__ import annotations

import gzip
import shutil
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from oso_processors.collectors import download
from oso_processors.collectors.connector import Connector
from oso_processors.collectors.download import Client
from oso_processors.collectors.gharchive import Gharchive
from oso_processors.collectors.hour_files import in_utc
from oso_processors.collectors.lander import collect
from oso_processors.collectors.older_forms import form_of
from oso_processors.collectors.source import File, Record, State
from oso_processors.errors import TransientFailure
from oso_processors.sample import SampleSize, make_sample
from tests.collectors.hours import STREAMS
from tests.collectors.older_lines import PUSH, PUSHED, STAR, THIN_STAR, without_id

SHARED = Path(__file__).parents[3] / "shared" / "data" / "gharchive"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="the real data is not here")


def put(folder, name, *lines):
    """Write an hour's file."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json.gz"
    path.write_bytes(gzip.compress(b"\n".join(map(orjson.dumps, lines))))
    return path


def read(folder, state=None, streams=STREAMS):
    return list(Gharchive().read({"folder": str(folder)}, streams, state or {}))


def states(messages):
    return {each.stream: each.data for each in messages if isinstance(each, State)}


def rows(messages, stream):
    return [dict(e.data) for e in messages if isinstance(e, Record) and e.stream == stream]


def test_an_hour_of_the_timeline_is_the_hour_of_its_events_and_not_of_its_name(tmp_path):
    path = put(tmp_path, "2014-06-10-19", PUSH)

    found = read(tmp_path)

    assert not [each for each in found if isinstance(each, File)]
    assert [without_id(each) for each in rows(found, "events")] == [
        {**PUSHED, "hour": "2014-06-10T19:00:00Z"}
    ]
    assert rows(found, "hours") == [
        {
            "hour": "2014-06-11T02:00:00Z",
            "file": "2014-06-10-19.json.gz",
            "bytes": path.stat().st_size,
            "form": "timeline",
            "has_commits": True,
            "has_merges": True,
            "has_threads": True,
        }
    ]


def test_what_the_timeline_tells_of_2015_is_left_to_the_hours_of_2015(tmp_path):
    late = {**PUSH, "created_at": "2014-12-31T16:00:00-08:00"}
    put(tmp_path, "2014-12-31-16", {**PUSH, "created_at": "2014-12-31T15:59:59-08:00"}, late)

    found = read(tmp_path)

    assert [each["created_at"] for each in rows(found, "events")] == ["2014-12-31T23:59:59Z"]
    assert [each["hour"] for each in rows(found, "hours")] == ["2014-12-31T23:00:00Z"]


def test_a_line_of_an_older_form_that_cannot_be_read_is_set_aside(tmp_path):
    put(tmp_path, "2014-06-10-19", PUSH, {**PUSH, "created_at": "yesterday"})

    found = read(tmp_path)

    assert len(rows(found, "events")) == 1
    (reject,) = rows(found, "rejects")
    assert (reject["place"], reject["reason"]) == ("line 2", "created_at has another type")


def test_a_damaged_hour_of_an_older_form_is_a_gap_in_utc(tmp_path):
    path = put(tmp_path, "2014-06-10-19", PUSH)
    path.write_bytes(path.read_bytes()[:-9])

    found = read(tmp_path)

    assert rows(found, "events") == rows(found, "hours") == []
    (gap,) = rows(found, "gaps")
    assert (gap["started_at"], gap["ended_at"]) == ("2014-06-11T02:00:00Z", "2014-06-11T03:00:00Z")


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        (datetime(2011, 5, 1, 9, tzinfo=UTC), datetime(2011, 5, 1, 9, tzinfo=UTC)),
        (datetime(2013, 5, 1, 9, tzinfo=UTC), datetime(2013, 5, 1, 16, tzinfo=UTC)),
        (datetime(2013, 12, 1, 20, tzinfo=UTC), datetime(2013, 12, 2, 4, tzinfo=UTC)),
        # The clocks of California went from 2 to 3 o'clock.
        (datetime(2013, 3, 10, 2, tzinfo=UTC), None),
        (datetime(2015, 5, 1, 9, tzinfo=UTC), datetime(2015, 5, 1, 9, tzinfo=UTC)),
    ],
)
def test_names_tell_the_hour_of_california_from_2012_to_2014(named, wanted):
    assert in_utc(named) == wanted


def test_an_hour_that_no_clock_showed_is_no_gap(tmp_path):
    for hour in (0, 1, 3):
        put(tmp_path, f"2013-03-10-{hour}", {**PUSH, "created_at": f"2013-03-10T0{hour}:00:00Z"})

    assert rows(read(tmp_path), "gaps") == []


def test_an_hour_that_is_there_minimized_only_is_read_and_tells_what_it_lacks(tmp_path):
    put(tmp_path, "minimized-2015-02-22-21", THIN_STAR)

    found = read(tmp_path)

    assert [each["id"] for each in rows(found, "events")] == ["9"]
    (hour,) = rows(found, "hours")
    assert {key: value for key, value in hour.items() if key != "bytes"} == {
        "hour": "2015-02-22T21:00:00Z",
        "file": "minimized-2015-02-22-21.json.gz",
        "form": "minimized",
        "has_commits": False,
        "has_merges": False,
        "has_threads": False,
    }


def test_an_hour_that_is_there_in_both_forms_is_read_whole(tmp_path):
    put(tmp_path, "minimized-2015-02-22-21", THIN_STAR)
    put(tmp_path, "2015-02-22-21", STAR)

    found = read(tmp_path)

    assert [each.relative_path for each in found if isinstance(each, File)] == [
        "2015-02-22-21.json.gz"
    ]
    assert [each["form"] for each in rows(found, "hours")] == ["events"]


def test_the_whole_form_of_a_minimized_hour_is_read_when_it_comes(tmp_path):
    put(tmp_path, "minimized-2015-02-22-21", THIN_STAR)
    first = read(tmp_path)
    second = read(tmp_path, states(first))
    put(tmp_path, "2015-02-22-21", STAR)

    third = read(tmp_path, states(second))
    fourth = read(tmp_path, states(third))

    assert [len(rows(each, "hours")) for each in (first, second, third, fourth)] == [1, 0, 1, 0]
    assert states(third)["hours"] == {"hours": [["2015-02-22T21:00:00Z", "2015-02-22T21:00:00Z"]]}


def test_minimized_content_under_a_whole_name_is_seen(tmp_path):
    assert form_of(put(tmp_path, "2015-02-22-21", THIN_STAR)) == "minimized"


def test_an_hour_from_which_on_pushes_list_no_commits_says_so(tmp_path):
    for name in ("2025-10-06-23", "2025-10-07-0"):
        put(tmp_path, name, STAR)

    found = rows(read(tmp_path), "hours")

    assert [each["has_commits"] for each in found] == [True, False]


def until_refused(messages):
    """What a reading says before it fails."""
    with suppress(TransientFailure):
        yield from messages
        pytest.fail("it did not fail")


def test_an_hour_that_the_server_refused_is_a_gap_and_is_collected_later(
    website, fault, tmp_path, monkeypatch
):
    monkeypatch.setattr(download, "Client", lambda **more: Client(**{"backoff": 0.01, **more}))
    config = {
        "urls": [website.address],
        "start": "2015-02-22T20",
        "end": "2015-02-22T22",
        "cache": str(tmp_path / "cache"),
    }
    for hour in (20, 21):
        website.files[f"/2015-02-22-{hour}.json.gz"] = gzip.compress(orjson.dumps(STAR))
    website.faults["/2015-02-22-21.json.gz"] = [fault(429)] * 6
    reading = Gharchive().read(config, STREAMS, {})

    heard = list(until_refused(reading))

    assert rows(heard, "gaps") == [
        {
            "stream": "events",
            "started_at": "2015-02-22T21:00:00Z",
            "ended_at": "2015-02-22T22:00:00Z",
            "reason": "the server answered 429; tried 6 times",
            "detail": "2015-02-22-21.json.gz",
        }
    ]
    assert states(heard)["gaps"] == {"hours": [["2015-02-22T20:00:00Z", "2015-02-22T20:00:00Z"]]}
    assert rows(list(Gharchive().read(config, STREAMS, states(heard))), "gaps") == []


def test_both_forms_land_beside_files_of_today(tmp_path, warehouse, quiet):
    put(tmp_path / "hours", "2014-06-10-19", PUSH, PUSH)
    put(tmp_path / "hours", "minimized-2015-02-22-21", THIN_STAR)
    put(tmp_path / "hours", "2015-02-22-22", {**STAR, "id": "10"})
    connector = Connector("gharchive", ["source-gharchive"], {"folder": str(tmp_path / "hours")})

    landed = collect(warehouse, connector, quiet)

    # Two lines are the same event; staging keeps one.
    assert landed.rows == {"events": 4, "hours": 3, "gaps": 1}
    found = warehouse.execute(
        "SELECT type, actor_id, actor_login, repo_name, created_at::VARCHAR, len(commits)"
        " FROM raw.gharchive__events ORDER BY created_at, id"
    ).fetchall()
    assert found == [
        ("PushEvent", None, "ana", "Tools/consul", "2014-06-11 02:12:39+00", 2),
        ("PushEvent", None, "ana", "Tools/consul", "2014-06-11 02:12:39+00", 2),
        ("WatchEvent", 7, "bo", "A/b", "2015-02-22 21:00:01+00", None),
        ("WatchEvent", None, "bo", "A/b", "2015-02-22 21:00:01+00", None),
    ]


@needs_shared
def test_a_real_minimized_hour_has_every_event(tmp_path):
    name = "minimized-2015-02-22-21.json.gz"
    (tmp_path / name).symlink_to(SHARED / name)

    found = rows(read(tmp_path), "events")

    kinds = Counter(each["type"] for each in found)
    assert len({each["id"] for each in found}) == 29_963
    assert (kinds["PushEvent"], kinds["WatchEvent"], kinds["ForkEvent"]) == (13_576, 1_770, 842)
    assert all(each["type"].endswith("Event") for each in found)


def test_the_sample_has_hours_of_each_era_that_are_read_whole(tmp_path, quiet):
    size = SampleSize(events=2000, days=5, projects=10)
    plain = make_sample(tmp_path / "plain", size, 1, quiet)
    made = make_sample(tmp_path / "eras", size, 1, quiet, has_eras=True)
    names = {each.name for each in (plain.folder / "gharchive").iterdir()}
    older = tmp_path / "older"
    shutil.copytree(made.folder / "gharchive", older, ignore=lambda *_: names)

    found = read(older)

    assert rows(found, "rejects") == []
    assert len(rows(found, "events")) == made.events - plain.events
    by_form = defaultdict(list)
    for each in rows(found, "hours"):
        flags = (each["has_commits"], each["has_merges"], each["has_threads"])
        by_form[each["form"], *flags].append(each["hour"])
    assert {key: (min(each), max(each), len(each)) for key, each in by_form.items()} == {
        ("timeline", True, True, True): ("2014-06-10T07:00:00Z", "2014-06-11T06:00:00Z", 24),
        ("minimized", *[False] * 3): ("2015-02-22T00:00:00Z", "2015-02-22T23:00:00Z", 24),
    }
    assert all(
        (plain.folder / name).read_bytes() == (made.folder / name).read_bytes()
        for name in ("git/commits.parquet", "oss-funding/data/funding_data.csv")
    )
