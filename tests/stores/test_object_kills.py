"""A runner that is killed at any of its writes to an object store: readers find one whole release.

The next run of its home does not wait for the dead one's lock, and leaves nothing over.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from oso_processors.release.verify import drifted
from oso_processors.stores.files import FilesStore
from oso_processors.stores.objects import Objects

from .object_server import in_front

RUNNER = """
import sys
from pathlib import Path
import duckdb
from oso_processors.object_store import place_of
from oso_processors.progress import Progress
from oso_processors.release.measure import Wish, measured
from oso_processors.release.publishing import publish, sweep
from oso_processors.stores import Manifest
from oso_processors.stores.files import FilesStore
from oso_processors.stores.objects import Objects
from oso_processors.tables import Column, Table

address, passing, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

def output(name, run):
    query = f"SELECT {run}::BIGINT AS run, i AS id FROM range({1000 + run}) t(i)"
    columns = Column("run", "BIGINT", "The run."), Column("id", "BIGINT", "The row.")
    table = Table(name, f"marts.{name}", query, columns, ("id",), "Rows.", "1")
    return measured(connection, Wish(table, {"files": {}}, {}))

with duckdb.connect() as connection:
    outputs = [output("changes", number), output("stays", 0)]
    contents = {each.name: each.published() for each in outputs}
    release = Manifest(number, f"2024-05-01T00:00:{number:02}+00:00", contents)
    files = FilesStore(Objects(place_of(address, Path()), passing, retries=2))
    with files.alone():
        publish(connection, release, outputs, [files], Progress(quiet=True))
        sweep([files], {})
"""


class Runs:
    """Runs a release after the other, killed at a write where that is said."""

    def __init__(self, front, address, passing, reader) -> None:
        self.front, self.arguments, self.reader = front, (f"{address}", f"{passing}"), reader
        self.number = 0

    def run(self, kill_at: int | None = None, is_done: bool = False) -> int:
        """Make the next release, killed at a write of that number; return how many writes there were.

        ``is_done`` says that the write is made before the kill.
        """
        self.number += 1
        writes = []
        command = [sys.executable, "-c", RUNNER, *self.arguments, f"{self.number}"]

        def kill(request) -> bool:
            if request.command != "GET":
                writes.append(request.path)
                if len(writes) - 1 == kill_at:
                    if is_done:
                        request.pass_on()
                    os.kill(process.pid, signal.SIGKILL)
                    return True
            return False

        self.front.fault = kill
        process = subprocess.Popen(command)
        code = process.wait()
        assert code == (0 if kill_at is None else -signal.SIGKILL)
        return len(writes)

    def seen(self) -> int:
        """Return the release that readers see, which must be whole."""
        release, lines = drifted([self.reader])
        assert lines == []
        return release.number

    def assert_the_next_goes_through(self) -> None:
        self.run()
        assert self.seen() == self.number
        assert self.reader.left_over() == []
        assert len(self.reader.kept()) == 2


@pytest.fixture
def runs(object_server, address, monkeypatch, tmp_path) -> Runs:
    reader = FilesStore(Objects(address, tmp_path / "reader"))
    with in_front(object_server) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{front.at}")
        yield Runs(front, address, tmp_path / "home", reader)


@pytest.mark.long
def test_a_kill_at_any_write_leaves_readers_one_whole_release(runs):
    for _ in range(3):
        writes = runs.run()
    before = runs.number
    seen = set()

    for kill_at in range(writes):
        for is_done in (False, True):
            runs.run(kill_at, is_done)
            now = runs.seen()
            assert now in (before, runs.number)
            seen.add(now == runs.number)
            before = now

    assert seen == {True, False}
    runs.assert_the_next_goes_through()
