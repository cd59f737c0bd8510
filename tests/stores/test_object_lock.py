"""One release at a time where there is an object store only, and how a dead runner's lock is got rid of."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import obstore
import pytest

from oso_processors.errors import ReleaseLocked, StoreUnusable
from oso_processors.stores.files import FilesStore
from oso_processors.stores.object_lock import NAME
from oso_processors.stores.objects import Objects

from .conftest import manifest

ALONE = """
import sys
from pathlib import Path
from oso_processors.object_store import place_of
from oso_processors.stores.objects import Objects
address, passing, seconds = sys.argv[1:]
place = Objects(place_of(address, Path()), Path(passing), 2, float(seconds))
with place.alone("files"):
    print("alone", flush=True)
    sys.stdin.read()
"""


@contextmanager
def a_runner(address, passing, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """Another process that makes a release there, until it or the block ends."""
    command = [sys.executable, "-c", ALONE, f"{address}", f"{passing}", f"{seconds}"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "alone\n"
        yield process
        process.kill()


def store(address, passing, seconds: float) -> FilesStore:
    return FilesStore(Objects(address, passing, 2, seconds))


def test_two_homes_at_once(address, tmp_path):
    mine = store(address, tmp_path / "mine", 10)
    with a_runner(address, tmp_path / "theirs", 2) as first:
        with pytest.raises(ReleaseLocked) as caught, mine.alone():
            pass
        seen = mine.holder()

    who = rf"oso, process {first.pid} on .* since \d{{4}}-\d\d-\d\d \d\d:\d\d UTC"
    why = "another release is being made; wait for it to end"
    assert re.fullmatch(f"files: {who}: {why}", str(caught.value))
    assert re.fullmatch(who, seen or "")
    assert caught.value.exit_code == 5


def test_two_at_once_in_one_home_need_no_waiting(address, tmp_path):
    with (
        a_runner(address, tmp_path / "home", 60) as first,
        pytest.raises(ReleaseLocked, match=f"process {first.pid} "),
        store(address, tmp_path / "home", 60).alone(),
    ):
        pass


def test_a_lock_that_is_let_go_is_free_at_once(address, tmp_path):
    for home in ("one", "other", "one"):
        with store(address, tmp_path / home, 60).alone():
            assert store(address, tmp_path / "reader", 60).holder()
        assert store(address, tmp_path / "reader", 60).holder() is None


def test_a_dead_runners_lock_is_free_at_once_in_its_own_home(address, tmp_path):
    with a_runner(address, tmp_path / "home", 60) as dead:
        dead.kill()
        dead.wait()

        with store(address, tmp_path / "home", 60).alone():
            pass


def test_a_dead_runners_lock_is_taken_over_from_another_home_when_nobody_renews_it(
    address, tmp_path
):
    with a_runner(address, tmp_path / "theirs", 60) as dead:
        dead.kill()
        dead.wait()
    said = []
    mine = FilesStore(Objects(address, tmp_path / "mine", 1, 0.5, said.append))

    began = time.monotonic()
    with mine.alone():
        waited = time.monotonic() - began

    assert waited > 0.5
    (told,) = said
    who = rf"oso, process {dead.pid} on .* since .* UTC"
    assert re.fullmatch(rf"files: {who} has s3://.*/release\.lock; seeing whether it lives", told)


def test_who_lost_the_lock_does_not_switch(address, tmp_path, everything, output):
    slow, whole = store(address, tmp_path / "slow", 600), output()
    with slow.alone():
        slow.build(everything, manifest(1, whole), whole)
        with (
            store(address, tmp_path / "quick", 0.3).alone(),
            pytest.raises(StoreUnusable) as caught,
        ):
            slow.publish(manifest(1, whole), [whole])

    assert str(caught.value) == (
        f"files: {address}/{NAME}: another run took it, since this one did not renew it;"
        " what was published before stays, run again"
    )
    assert slow.served() is None


def test_who_lives_keeps_the_lock(address, tmp_path, everything, output):
    living, whole = store(address, tmp_path / "living", 0.6), output()
    with living.alone():
        time.sleep(1)
        with pytest.raises(ReleaseLocked), store(address, tmp_path / "other", 5).alone():
            pass
        living.build(everything, manifest(1, whole), whole)
        living.publish(manifest(1, whole), [whole])

    assert living.served() == manifest(1, whole)


def test_a_lock_that_nobody_can_read_is_somebodys_until_nobody_renews_it(address, tmp_path):
    obstore.put(address.connect(), NAME, b"{half")
    reader = store(address, tmp_path / "reader", 60)
    assert reader.holder() == "somebody"

    with store(address, tmp_path / "mine", 0.3).alone():
        assert "oso, process" in reader.holder()
