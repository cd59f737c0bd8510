"""What every store keeps to, run on Google's store as its client speaks; the server's answers are an S3's."""

from __future__ import annotations

import uuid

import pytest

from oso_processors.errors import ReleaseLocked, StoreUnusable
from oso_processors.object_store import ObjectStore
from oso_processors.stores.files import FilesStore
from oso_processors.stores.objects import Objects

from .conftest import manifest
from .object_server import BUCKET, Google, in_front
from .test_drift import (
    test_what_is_left_over_is_named_until_it_is_swept,
    test_what_was_published_is_there_as_it_was,
    whole,
)
from .test_store import (
    test_every_type_is_read_back_as_it_was,
    test_the_sweep_keeps_what_it_is_told_and_no_more,
)

__all__ = [
    "test_every_type_is_read_back_as_it_was",
    "test_the_sweep_keeps_what_it_is_told_and_no_more",
    "test_what_is_left_over_is_named_until_it_is_swept",
    "test_what_was_published_is_there_as_it_was",
    "whole",
]


@pytest.fixture(scope="module")
def google(object_server):
    """A server that understands Google's client."""
    with in_front(object_server, Google) as made:
        yield made.at


@pytest.fixture
def another(google, monkeypatch, tmp_path):
    """Makes the store at an empty prefix, again as another run does, from a home of one's own."""
    monkeypatch.setenv("GOOGLE_BASE_URL", f"http://127.0.0.1:{google}")
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "token")
    address = ObjectStore("gs", BUCKET, f"{uuid.uuid4().hex}/rele'ases [1]")
    return lambda home="home", seconds=0.6: FilesStore(
        Objects(address, tmp_path / home, 2, seconds)
    )


@pytest.fixture
def store(another):
    """The store, empty."""
    return another()


def test_of_two_runs_that_saw_the_same_release_one_can_switch(another, everything, output):
    quick, slow, one = another(), another(), output()
    assert quick.served() == slow.served() is None
    slow.build(everything, manifest(1, one), one)
    quick.build(everything, manifest(2, one), one)
    quick.publish(manifest(2, one), [one])

    with pytest.raises(StoreUnusable, match=r"latest\.json: another run replaced it"):
        slow.publish(manifest(1, one), [one])

    assert another().served() == manifest(2, one)


def test_one_release_at_a_time(another):
    with another("mine").alone():
        assert "oso, process" in another(seconds=60).holder()
        with pytest.raises(ReleaseLocked), another("theirs", 10).alone():
            pass
    with another("theirs").alone():
        pass
