"""One release at a time: another one is refused in one line, and nobody is kept from looking."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace

import pytest

from oso_processors.errors import ReleaseLocked
from oso_processors.pipeline import open_stores
from oso_processors.stores.files import FilesStore
from oso_processors.stores.postgres import PostgresStore

RELEASE_ALONE = """
import sys
from pathlib import Path
from oso_processors.stores.files import FilesStore
with FilesStore(Path(sys.argv[1])).alone():
    print("alone", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another process that makes a release, until it or the block ends."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "alone\n"
        yield process
        process.kill()


@pytest.fixture
def files(tmp_path) -> FilesStore:
    return FilesStore(tmp_path / "releases")


def test_two_at_once_where_there_are_files_only(files):
    with another(RELEASE_ALONE, files.place.root) as first:
        with pytest.raises(ReleaseLocked) as caught, files.alone():
            pass
        seen = files.holder()
        first.kill()
        first.wait()
        # The kernel has freed it.
        with files.alone():
            pass

    who = rf"oso, process {first.pid} on .* since \d{{4}}-\d\d-\d\d \d\d:\d\d UTC"
    why = "another release is being made; wait for it to end"
    assert re.fullmatch(f"files: {who}: {why}", str(caught.value))
    assert re.fullmatch(who, seen or "")
    assert caught.value.exit_code == 5
    assert files.holder() is None


def test_two_at_once_in_one_database(postgres):
    with closing(PostgresStore(postgres)), pytest.raises(ReleaseLocked) as caught:
        PostgresStore(postgres)

    who = rf"oso, process {os.getpid()} on .* \(server process \d+\) since .* UTC"
    assert re.fullmatch(f"postgres: {who}: another release is being made; .*", str(caught.value))


@pytest.mark.parametrize("is_reading", [False, True])
def test_who_makes_a_release_keeps_others_from_it_and_not_from_looking(
    settings, is_reading, server
):
    chosen = replace(settings, postgres_dsn=server)
    with another(RELEASE_ALONE, settings.releases):
        expected = nullcontext() if is_reading else pytest.raises(ReleaseLocked)
        with expected, open_stores(chosen, is_reading) as stores:
            assert "oso, process" in (stores[0].holder() or "")
