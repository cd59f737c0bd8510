"""A run that is killed: readers find a whole release, and the next run ends where it should.

`OSO_KILLS` says how many kills; `make test-kill` makes thirty.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import orjson
import psycopg
import pytest

from oso_processors.stores.local_postgres import serving

pytestmark = pytest.mark.long
KILLS = int(os.environ.get("OSO_KILLS", "1"))
LONGEST = 12.0


def start(project: Path, home: Path, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "oso"), "run", "--from", str(folder)],
        cwd=project,
        env={**os.environ, "OSO_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(project: Path, home: Path, folder: Path) -> None:
    process = start(project, home, folder)
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()


def kill(project: Path, home: Path, folder: Path, seconds: float) -> None:
    process = start(project, home, folder)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def tables(home: Path) -> dict[str, str]:
    """The checksum of every table of the release that is served as files."""
    pointer = orjson.loads((home / "releases" / "latest.json").read_bytes())
    path = home / "releases" / pointer["release"] / "_tables" / "data.parquet"
    return dict(duckdb.sql(f"SELECT table_name, checksum FROM '{path}'").fetchall())


def assert_files_are_whole(home: Path) -> None:
    latest = home / "releases" / "latest.json"
    if not latest.exists():
        return
    folder = home / "releases" / orjson.loads(latest.read_bytes())["release"]
    for table in orjson.loads((folder / "manifest.json").read_bytes())["tables"]:
        # A table that is published by days has a file a month.
        paths = table["path"] if isinstance(table["path"], list) else [table["path"]]
        content = b"".join((folder / path).read_bytes() for path in paths)
        assert hashlib.sha256(content).hexdigest() == table["sha256"]


def assert_postgres_is_whole(home: Path) -> None:
    if not (home / "postgres").exists():
        return
    with serving(home / "postgres") as dsn, psycopg.connect(dsn) as connection:
        if connection.execute("SELECT to_regclass('public._tables')").fetchone() == (None,):
            return
        listed = connection.execute(
            "SELECT table_name, row_count, release_id FROM _tables"
        ).fetchall()
        assert len({row[2] for row in listed}) == 1
        for name, count, _ in listed:
            assert connection.execute(f'SELECT count(*) FROM "{name}"').fetchone() == (count,)


@pytest.mark.parametrize("seed", [1])
def test_a_killed_run_leaves_a_whole_release_and_the_next_ends_as_if_undisturbed(
    finished, small_project, sample, tmp_path, seed
):
    chance = random.Random(seed)
    folder, home = tmp_path / "from", tmp_path / "home"
    shutil.copytree(sample, folder)
    hours = sorted((folder / "gharchive").iterdir())
    later = hours[-KILLS:]
    waiting = tmp_path / "waiting"
    waiting.mkdir()
    for path in later:
        path.rename(waiting / path.name)
    for path in later:
        # Each run has something new to do.
        (waiting / path.name).rename(path)
        kill(small_project, home, folder, chance.uniform(0.5, LONGEST))
        assert_files_are_whole(home)
        assert_postgres_is_whole(home)
        finish(small_project, home, folder)
        assert_files_are_whole(home)

    assert tables(home) == tables(finished / ".oso")
