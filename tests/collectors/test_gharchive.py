"""The collector of GH Archive, over a web server and over folders."""

from __future__ import annotations

import gzip
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from oso_processors.collectors import download
from oso_processors.collectors.connector import Connector
from oso_processors.collectors.download import Client
from oso_processors.collectors.gharchive import Gharchive
from oso_processors.collectors.lander import Landed, collect
from oso_processors.collectors.source import Estimate, File, Log, Record, State
from oso_processors.errors import ConfigFailure, TransientFailure
from tests.collectors.hours import STREAMS, packed

BIN = Path(sys.executable).parent
PAGE = b"<!DOCTYPE html><title>Moved</title>"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """How the client waits is told by its own tests."""
    monkeypatch.setattr(download, "Client", lambda **more: Client(**{"backoff": 0.01, **more}))


def read(config, state=None, streams=STREAMS):
    return list(Gharchive().read(config, streams, state or {}))


def states(messages):
    """The last state of each stream."""
    return {each.stream: each.data for each in messages if isinstance(each, State)}


def rows(messages):
    """The rows of each stream; of events handed over as a file, those of the file."""
    found = defaultdict(list)
    for each in messages:
        if isinstance(each, Record):
            found[each.stream].append(dict(each.data))
        elif isinstance(each, File):
            lines = gzip.decompress(each.path.read_bytes()).splitlines()
            found[each.stream] += [{**orjson.loads(line), **each.columns} for line in lines]
    return found


def ids(messages):
    return [each["id"] for each in rows(messages)["events"]]


def gap(hour, reason, name):
    start = datetime(2024, 5, 1, hour, tzinfo=UTC)
    ends = {"started_at": start, "ended_at": start + timedelta(hours=1)}
    bounds = {key: f"{each:%Y-%m-%dT%H:%M:%SZ}" for key, each in ends.items()}
    return {"stream": "events", **bounds, "reason": reason, "detail": name}


@pytest.mark.parametrize("mode", ["files", "records"])
def test_each_hour_from_the_first_to_before_the_last_is_fetched(archive, config, mode):
    found = read({**config, "mode": mode})

    assert ids(found) == ["8", "9", "10"]
    assert [each["hour"] for each in rows(found)["events"]] == [
        "2024-05-01T08:00:00Z",
        "2024-05-01T09:00:00Z",
        "2024-05-01T10:00:00Z",
    ]
    assert [(each["file"], each["bytes"]) for each in rows(found)["hours"]] == [
        (f"2024-05-01-{hour}.json.gz", len(packed(hour))) for hour in (8, 9, 10)
    ]
    assert states(found) == {
        name: {"hours": [["2024-05-01T08:00:00Z", "2024-05-01T10:00:00Z"]]} for name in STREAMS
    }


def test_a_day_is_its_24_hours(website, config):
    for hour in range(24):
        website.files[f"/2024-05-01-{hour}.json.gz"] = packed(hour)

    found = read({**config, "start": "2024-05-01", "end": "2024-05-02"})

    assert ids(found) == [str(hour) for hour in range(24)]


def test_what_was_collected_is_not_asked_for_again(archive, config):
    first = read(config)
    archive.requests.clear()

    second = read(config, states(first))

    assert second == [Estimate("hours", 0)]
    assert archive.requests == []


def test_a_stream_that_is_chosen_later_gets_the_hours_before_too(archive, config):
    first = read(config, streams=("hours", "gaps", "rejects"))

    second = read(config, states(first))

    assert ids(second) == ["8", "9", "10"]
    assert rows(second)["hours"] == []


def test_an_old_hour_that_is_missing_is_a_gap_and_not_asked_for_again(archive, config):
    del archive.files["/2024-05-01-9.json.gz"]

    first = read(config)
    second = read(config, states(first))

    assert rows(first)["gaps"] == [gap(9, "missing at the source", "2024-05-01-9.json.gz")]
    assert ids(first) == ["8", "10"]
    assert [each["file"] for each in rows(first)["hours"]] == [
        "2024-05-01-8.json.gz",
        "2024-05-01-10.json.gz",
    ]
    assert rows(second) == {}


def test_the_newest_hour_may_come_yet(website, config):
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    recent = {**config, "start": hour.isoformat(), "end": ""}
    name = f"/{hour:%Y-%m-%d}-{hour.hour}.json.gz"

    first = read(recent)
    website.files[name] = packed(1)
    second = read(recent, states(first))

    assert rows(first) == {}
    assert ids(second) == ["1"]


def test_no_hour_of_the_future_is_asked_for(website, config):
    now = datetime.now(UTC)
    before = now - timedelta(hours=2)

    read({**config, "start": before.isoformat(), "end": "2999-01-01"})

    assert 2 <= len(website.requests) <= 3


def test_the_first_address_that_has_an_hour_is_used(archive, config, new_website):
    first = new_website()
    first.files["/2024-05-01-9.json.gz"] = packed(99)

    found = read({**config, "urls": [first.address, f"{archive.address}/"]})

    assert ids(found) == ["8", "99", "10"]
    assert "/2024-05-01-9.json.gz" not in [path for _, path, _ in archive.requests]


def test_a_failing_server_ends_the_reading_after_the_hours_before(archive, config, fault):
    archive.faults["/2024-05-01-9.json.gz"] = [fault(500)] * 6
    messages = Gharchive().read(config, STREAMS, {})
    heard = []

    with pytest.raises(TransientFailure, match="the server answered 500; tried 6 times"):
        heard.extend(messages)
    first = list(Gharchive().read(config, STREAMS, {}))

    assert ids(first) == ["8", "9", "10"]


def test_a_download_that_was_cut_goes_on_in_the_next_run(archive, config, fault):
    name = "/2024-05-01-9.json.gz"
    archive.faults[name] = [fault(cut=20), *[fault(503)] * 5]
    with pytest.raises(TransientFailure):
        read(config)

    found = read(config)

    assert ids(found) == ["8", "9", "10"]
    assert archive.ranges()[-2:] == ["bytes=20-", None]


DAMAGE = {
    "HTML instead of gzip": (PAGE, "an HTML page, not gzip"),
    "a truncated gzip": (packed(9)[:-9], "truncated or damaged gzip"),
    "an empty file": (b"", "an empty file"),
}


@pytest.mark.parametrize("mode", ["files", "records"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_hour_is_set_aside_and_read_once_it_is_mended(archive, config, mode, damage):
    content, reason = DAMAGE[damage]
    name = "2024-05-01-9.json.gz"
    sound = archive.files[f"/{name}"]
    archive.files[f"/{name}"] = content
    config = {**config, "mode": mode}

    first = read(config)
    again = read(config, states(first))
    archive.files[f"/{name}"] = sound
    mended = read(config, states(again))

    assert ids(first) == ["8", "10"]
    (missing,) = rows(first)["gaps"]
    assert missing == gap(9, missing["reason"], name)
    assert missing["reason"].startswith(reason)
    assert rows(first)["rejects"] == [
        {"file": name, "place": "the whole file", "reason": missing["reason"], "value": ""}
    ]
    assert rows(again) == {}
    assert ids(mended) == ["9"]
    assert not list(Path(config["cache"]).glob("*.part"))


def test_hours_of_a_folder_may_be_padded(tmp_path):
    folder = tmp_path / "hours"
    folder.mkdir()
    for name, number in (("2024-05-01-9", 9), ("2024-05-01-08", 8)):
        (folder / f"{name}.json.gz").write_bytes(packed(number))

    found = read({"folder": str(folder)})

    assert ids(found) == ["8", "9"]
    assert [each["file"] for each in rows(found)["hours"]] == [
        "2024-05-01-08.json.gz",
        "2024-05-01-9.json.gz",
    ]


def test_an_hour_that_is_twice_in_a_folder_is_read_once_and_the_other_file_is_named(tmp_path):
    for name in (
        "2024-05-01-9.json.gz",
        "2024-05-01-09.json.gz",
        "notes.txt",
        "2024-13-01-9.json.gz",
    ):
        (tmp_path / name).write_bytes(packed(9))

    found = read({"folder": str(tmp_path)})

    assert ids(found) == ["9"]
    (log,) = [each for each in found if isinstance(each, Log)]
    assert log.text.endswith("2024-05-01-9.json.gz, 2024-13-01-9.json.gz, notes.txt")


def test_of_a_folder_only_the_hours_asked_for_are_read(tmp_path):
    for hour in (7, 8, 9, 10):
        (tmp_path / f"2024-05-01-{hour}.json.gz").write_bytes(packed(hour))

    found = read({"folder": str(tmp_path), "start": "2024-05-01T08", "end": "2024-05-01T10"})

    assert ids(found) == ["8", "9"]
    assert rows(found)["gaps"] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "config: start: is needed to fetch hours; give the first day"),
        ({"start": "May"}, "config: start: 'May': is no date or hour; write 2025-01-31"),
        (
            {"start": "2024-05-01", "end": "2024-05-32"},
            "config: end: '2024-05-32': is no date or hour; write 2025-01-31",
        ),
        (
            {"start": "2024-05-02", "end": "2024-05-01"},
            "config: end: '2024-05-01': is not after start, '2024-05-02'",
        ),
        ({"folder": "/nowhere"}, "config: folder: '/nowhere': is no folder"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_one_clear_line(given, said):
    with pytest.raises(ConfigFailure) as checked:
        Gharchive().check(given)
    with pytest.raises(ConfigFailure) as collected:
        read(given)

    assert str(checked.value) == str(collected.value) == said


def test_an_archive_that_answers_is_sound(archive, config):
    Gharchive().check(config)

    assert [method for method, *_ in archive.requests] == ["HEAD"]


def test_an_archive_that_does_not_answer_is_one_clear_line(config, closed_address):
    with pytest.raises(TransientFailure, match=r"the connection failed \(NewConnectionError\)$"):
        Gharchive().check({**config, "urls": [closed_address]})


def test_a_reading_over_the_network_lands_and_the_next_lands_nothing(
    archive, config, warehouse, quiet
):
    connector = Connector("gharchive", ["source-gharchive"], config)
    del archive.files["/2024-05-01-9.json.gz"]

    first = collect(warehouse, connector, quiet)
    second = collect(warehouse, connector, quiet)

    counts = {"events": 2, "hours": 2, "gaps": 1}
    assert first == Landed("gharchive", counts, rejected=0, damaged=0, warnings=())
    assert second == Landed("gharchive", {}, rejected=0, damaged=0, warnings=())
    query = "SELECT id, hour(hour) FROM raw.gharchive__events ORDER BY hour"
    assert warehouse.execute(query).fetchall() == [("8", 8), ("10", 10)]
