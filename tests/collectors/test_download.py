"""The HTTP client against a real server that fails in every way a server can."""

from __future__ import annotations

import gzip
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from oso_processors.collectors import download
from oso_processors.collectors.download import Client, NotFound
from oso_processors.errors import ConfigFailure, TransientFailure

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def client():
    return Client(attempts=3, backoff=0.01, timeout=5)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "file.json.gz"


@pytest.fixture
def url(website):
    website.files["/file"] = CONTENT
    return f"{website.address}/file"


def lying(target):
    """The names of what lies beside the target, and the target."""
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_comes_whole_and_leaves_nothing_beside_it(client, url, target):
    assert client.fetch(url, target) == target
    assert target.read_bytes() == CONTENT
    assert lying(target) == [target.name]


def test_a_file_of_many_blocks_comes_whole(client, url, target, website, monkeypatch):
    monkeypatch.setattr(download, "BLOCK", 1000)

    client.fetch(url, target)

    assert target.read_bytes() == CONTENT


def test_a_packed_file_stays_packed(client, url, target, website, fault):
    website.files["/file"] = gzip.compress(CONTENT)
    website.faults["/file"] = [fault(headers={"Content-Encoding": "gzip"})]

    client.fetch(url, target)

    assert target.read_bytes() == website.files["/file"]


def test_an_empty_file_comes_too(client, url, target, website):
    website.files["/file"] = b""

    client.fetch(url, target)

    assert target.read_bytes() == b""


def test_what_is_there_already_is_not_asked_for(client, url, target, website):
    target.parent.mkdir()
    target.write_bytes(b"mine")

    client.fetch(url, target)

    assert target.read_bytes() == b"mine"
    assert website.requests == []


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_not_there_is_asked_for_once(client, url, target, website, fault, status):
    website.faults["/file"] = [fault(status)]

    with pytest.raises(NotFound):
        client.fetch(url, target)

    assert len(website.requests) == 1
    assert lying(target) == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(client, url, target, website, fault, status):
    website.faults["/file"] = [fault(status), fault(status)]

    client.fetch(url, target)

    assert target.read_bytes() == CONTENT
    assert len(website.requests) == 3


def test_what_does_not_pass_is_one_clear_line(client, url, target, website, fault):
    website.faults["/file"] = [fault(503)] * 9

    with pytest.raises(TransientFailure) as caught:
        client.fetch(url, target)

    assert str(caught.value) == f"{url}: the server answered 503; tried 3 times"
    assert not target.exists()


def test_a_refusal_is_not_tried_again(client, url, target, website, fault):
    website.faults["/file"] = [fault(403)]

    with pytest.raises(TransientFailure, match=r"the server answered 403$"):
        client.fetch(url, target)

    assert len(website.requests) == 1


def waits(monkeypatch):
    """The waits between attempts, which are not waited for."""
    found = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def test_waits_grow_up_to_the_longest(url, target, website, fault, monkeypatch):
    found = waits(monkeypatch)
    website.faults["/file"] = [fault(500)] * 5

    Client(attempts=6, backoff=1, longest_wait=6).fetch(url, target)

    assert [each for each in found if each] == [1, 2, 4, 6, 6]


def test_a_server_that_asks_to_wait_is_given_that_time(
    client, url, target, website, fault, monkeypatch
):
    found = waits(monkeypatch)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    website.faults["/file"] = [
        fault(429, {"Retry-After": "7"}),
        fault(503, {"Retry-After": soon}),
    ]

    client.fetch(url, target)

    seconds, until = [each for each in found if each]
    assert seconds == 7
    assert 85 < until <= 90


def test_no_server_is_waited_for_longer_than_the_longest_wait(
    url, target, website, fault, monkeypatch
):
    found = waits(monkeypatch)
    website.faults["/file"] = [fault(429, {"Retry-After": "86400"})]

    Client(longest_wait=30).fetch(url, target)

    assert [each for each in found if each] == [30]


def test_a_wait_that_cannot_be_read_is_no_obstacle(client, url, target, website, fault):
    website.faults["/file"] = [fault(429, {"Retry-After": "soon"})] * 3

    with pytest.raises(TransientFailure, match="the server answered 429; tried 3 times"):
        client.fetch(url, target)


def test_a_download_that_is_cut_goes_on_where_it_was(client, url, target, website, fault):
    website.faults["/file"] = [fault(cut=4000), fault(cut=2000)]

    client.fetch(url, target)

    assert target.read_bytes() == CONTENT
    assert website.ranges() == [None, "bytes=4000-", "bytes=6000-"]
    assert website.requests[1][2]["If-Range"] == website.tag(CONTENT)
    assert lying(target) == [target.name]


def test_nothing_is_under_the_final_name_until_it_is_whole(client, url, target, website, fault):
    website.faults["/file"] = [fault(cut=4000), fault(500), fault(500)]

    with pytest.raises(TransientFailure):
        client.fetch(url, target)

    assert lying(target) == ["file.json.gz.part", "file.json.gz.version"]


def test_a_later_run_goes_on_where_the_one_before_was_cut(client, url, target, website, fault):
    website.faults["/file"] = [fault(cut=4000), fault(500), fault(500)]
    with pytest.raises(TransientFailure):
        client.fetch(url, target)

    Client().fetch(url, target)

    assert target.read_bytes() == CONTENT
    assert website.ranges()[-1] == "bytes=4000-"


def test_a_file_that_changed_meanwhile_is_fetched_whole(client, url, target, website, fault):
    website.faults["/file"] = [fault(cut=4000), fault(500), fault(500)]
    with pytest.raises(TransientFailure):
        client.fetch(url, target)
    website.files["/file"] = CONTENT[::-1]

    client.fetch(url, target)

    assert target.read_bytes() == CONTENT[::-1]
    assert lying(target) == [target.name]


def test_a_server_without_ranges_sends_the_file_whole(client, url, target, website, fault):
    website.has_ranges = False
    website.faults["/file"] = [fault(cut=4000)]

    client.fetch(url, target)

    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_version_a_cut_download_begins_anew(client, url, target, website, fault, tag):
    website.tag = lambda content: tag
    website.faults["/file"] = [fault(cut=4000)]

    client.fetch(url, target)

    assert target.read_bytes() == CONTENT
    assert website.ranges() == [None, None]


def test_a_date_is_a_version_too(client, url, target, website, fault):
    date = "Wed, 01 May 2024 09:00:00 GMT"
    website.tag = lambda content: ""
    website.faults["/file"] = [fault(cut=4000, headers={"Last-Modified": date})]

    client.fetch(url, target)

    assert website.ranges() == [None, "bytes=4000-"]
    assert website.requests[1][2]["If-Range"] == date


def test_more_than_the_server_has_is_thrown_away(client, url, target, website):
    target.parent.mkdir()
    target.with_name("file.json.gz.part").write_bytes(CONTENT + b"more")
    target.with_name("file.json.gz.version").write_text(website.tag(CONTENT))

    client.fetch(url, target)

    assert target.read_bytes() == CONTENT
    assert website.ranges() == [f"bytes={len(CONTENT) + 4}-", None]


def test_a_part_that_does_not_fit_is_thrown_away(client, url, target, website, fault):
    wrong = {"Content-Range": f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"}
    website.faults["/file"] = [fault(cut=4000), fault(headers=wrong)]

    client.fetch(url, target)

    assert target.read_bytes() == CONTENT
    assert website.ranges() == [None, "bytes=4000-", None]


def test_a_file_shorter_than_it_was_said_to_be_is_one_clear_line(
    client, url, target, website, fault
):
    website.has_ranges = False
    website.faults["/file"] = [fault(length=len(CONTENT) + 1)] * 3

    with pytest.raises(TransientFailure, match=r"^http[^\n]*; tried 3 times$"):
        client.fetch(url, target)

    assert not target.exists()


def test_a_server_that_falls_silent_is_tried_again(url, target, website, fault):
    website.faults["/file"] = [fault(pause=1)]
    client = Client(attempts=2, backoff=0.01, timeout=0.3)

    client.fetch(url, target)

    assert target.read_bytes() == CONTENT
    assert website.ranges() == [None, f"bytes={len(CONTENT) - 1}-"]


def test_a_server_that_stays_silent_is_one_clear_line(url, target, website, fault):
    website.has_ranges = False
    website.faults["/file"] = [fault(pause=0.5)] * 2

    with pytest.raises(TransientFailure, match=r"\(ReadTimeoutError\); tried 2 times$"):
        Client(attempts=2, backoff=0.01, timeout=0.1).fetch(url, target)


def test_an_address_at_which_nobody_answers_is_one_clear_line(client, closed_address, target):
    with pytest.raises(TransientFailure) as caught:
        client.fetch(f"{closed_address}/file", target)

    assert str(caught.value) == (
        f"{closed_address}/file: the connection failed (NewConnectionError); tried 3 times"
    )


def test_a_redirect_is_followed(client, url, target, website, fault):
    website.faults["/old"] = [fault(302, {"Location": url})]

    client.fetch(f"{website.address}/old", target)

    assert target.read_bytes() == CONTENT


def test_a_cut_download_goes_on_behind_a_redirect(client, url, target, website, fault):
    website.faults["/old"] = [fault(302, {"Location": "/file"})] * 2
    website.faults["/file"] = [fault(cut=4000)]

    client.fetch(f"{website.address}/old", target)

    assert target.read_bytes() == CONTENT
    assert website.ranges() == [None, None, "bytes=4000-", "bytes=4000-"]


def test_redirects_without_end_are_one_clear_line(client, url, target, website, fault):
    website.faults["/file"] = [fault(302, {"Location": "/file"})] * 99

    with pytest.raises(TransientFailure, match=r"the server redirects without end; tried 3 times$"):
        client.fetch(url, target)


def test_a_server_that_does_not_speak_tls_is_one_clear_line(client, url, target):
    with pytest.raises(
        TransientFailure, match=r"the connection failed \(SSLError\); tried 3 times$"
    ):
        client.fetch(url.replace("http:", "https:"), target)


@pytest.mark.parametrize(
    "address", ["data.gharchive.org/x", "", "ftp://host/x", "https://", "http://[::1", "/a/path"]
)
def test_what_is_no_address_is_one_clear_line(client, target, address):
    with pytest.raises(ConfigFailure) as caught:
        client.fetch(address, target)

    assert str(caught.value) == f"{address!r}: is no address; it begins with https://"


def test_a_server_is_reached_whatever_it_says_of_the_address(client, website):
    client.reach(f"{website.address}/nothing")

    assert [(method, path) for method, path, _ in website.requests] == [("HEAD", "/nothing")]


def test_a_server_that_cannot_be_reached_is_one_clear_line(client, closed_address):
    with pytest.raises(TransientFailure, match=r"the connection failed \(NewConnectionError\)$"):
        client.reach(closed_address)
