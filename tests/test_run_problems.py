"""A whole run that meets something wrong: one clear line, a right exit code, and nothing half done."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.commands import oso

BAD = {
    "a mistyped key in a processor": (
        lambda folder: _change(folder / "processors/projects_v1.yaml", "owner:", "ownr:"),
        2,
        "processors/projects_v1.yaml: ownr: unknown key; did you mean 'owner'?",
    ),
    "a processor naming no model": (
        lambda folder: _change(
            folder / "processors/projects_v1.yaml", "marts.projects_v1", "marts.project_v1"
        ),
        1,
        "projects_v1: model: 'marts.project_v1': there is no such model; did you mean 'marts.projects_v1'?",
    ),
    "a processor naming no column": (
        lambda folder: _change(
            folder / "processors/projects_v1.yaml", "- description", "- descripton"
        ),
        1,
        "has no column 'descripton'; did you mean 'description'?",
    ),
    "a processor with a key twice": (
        lambda folder: _change(
            folder / "processors/projects_v1.yaml", "owner:", "tier: stable\nowner:"
        ),
        2,
        "processors/projects_v1.yaml:",
    ),
}


@pytest.mark.parametrize("problem", BAD)
def test_a_bad_declaration_is_one_clear_line(ran, problem):
    change, exit_code, words = BAD[problem]
    change(ran)

    done = oso(ran, ran / ".oso", "release")

    assert done.returncode == exit_code
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_model_without_grain_is_one_clear_line(ran, sample):
    _change(ran / "models/marts/event_types_v1.sql", "grain event_type,", "")

    done = oso(ran, ran / ".oso", "run", "--from", str(sample))

    assert done.returncode == 1
    assert "marts.event_types_v1: it declares no grain; add `grain (...)`" in done.stderr


def test_a_type_that_cannot_be_published_is_one_clear_line(ran, sample):
    model = ran / "models/marts/event_types_v1.sql"
    _change(
        model,
        "CAST(is_contribution AS BOOL) AS is_contribution",
        "CAST(1.5 AS FLOAT64) AS is_contribution",
    )

    done = oso(ran, ran / ".oso", "run", "--from", str(sample))

    assert done.returncode == 5
    assert "event_types_v1: is_contribution: DOUBLE cannot be published exactly" in done.stderr


def test_a_folder_without_sources_is_one_clear_line(project, tmp_path):
    (tmp_path / "empty").mkdir()

    done = oso(project, tmp_path / "home", "run", "--from", str(tmp_path / "empty"))

    assert done.returncode == 1
    assert (
        "holds none of the folders oss-directory, gharchive, git, oss-funding, open-collective, registry, open-dev-data"
        in done.stderr
    )


def test_an_empty_source_folder_is_one_clear_line(project, tmp_path):
    (tmp_path / "from" / "gharchive").mkdir(parents=True)

    done = oso(project, tmp_path / "home", "run", "--from", str(tmp_path / "from"))

    assert done.returncode == 4
    assert "holds no hour; hours are named 2025-01-31-15.json.gz" in done.stderr


def limited(bytes_a_file: int) -> Callable[[], None]:
    """Let a process write no more than that to any one file, as a full disk would."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, bytes_a_file))


FULL = {
    "the warehouse cannot be made": (("collect",), 1_000, "the warehouse"),
    "rows cannot wait to be landed": (("collect",), 13_000, "OSO_HOME"),
    "rows cannot land": (("collect",), 100_000, "the warehouse"),
    "the sample cannot be written": (("sample", "--to", "made"), 1_000, "this command"),
}


@pytest.mark.parametrize("what", FULL)
def test_a_full_disk_is_one_clear_line(project, sample, tmp_path, what):
    arguments, size, place = FULL[what]
    taken = ("--from", str(sample)) if arguments == ("collect",) else ()

    done = oso(project, tmp_path / "home", *arguments, *taken, before=limited(size))

    said = f"Error: {place}: no space left on the disk; free some and run again"
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, said)
    assert "Traceback" not in done.stderr


def test_a_file_system_that_is_full_is_one_clear_line_and_loses_nothing(
    project, sample, small_disk
):
    home = small_disk / "home"

    full = oso(project, home, "collect", "--from", str(sample))
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    freed = oso(project, home, "collect", "--from", str(sample))

    said = "Error: the warehouse: no space left on the disk; free some and run again"
    assert (full.returncode, full.stderr.splitlines()[-1]) == (1, said)
    assert freed.returncode == 0
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        query = "SELECT count(*), count(DISTINCT (id, hour)) FROM raw.gharchive__events"
        ((all_rows, different),) = connection.execute(query).fetchall()
    assert all_rows == different > 1400


def without_privilege() -> None:
    """Let the system refuse root too what a file's mode refuses its owner."""
    if os.geteuid() == 0:
        drop, override, search = 24, 1, 2
        libc = ctypes.CDLL(None)
        for capability in (override, search):
            if libc.prctl(drop, capability, 0, 0, 0):
                raise OSError("this root cannot drop a capability")


CLOSED = {
    "the home's folder": (
        "collect",
        "above",
        2,
        "OSO_HOME: '{above}/home': cannot be made: Permission denied; name a folder that may be written",
    ),
    "the home": (
        "collect",
        "above/home",
        1,
        '{above}/home/warehouse.duckdb: cannot be opened: IO Error: Cannot open file "{above}/home/'
        'warehouse.duckdb": Permission denied; see that it may be written',
    ),
    "where a sample shall be": (
        "sample",
        "above/home",
        1,
        "{above}/home/sample.making: permission denied; open it, or name another place",
    ),
}


@pytest.mark.parametrize("what", CLOSED)
def test_a_folder_that_may_not_be_written_is_one_clear_line(project, sample, tmp_path, what):
    command, closed, exit_code, said = CLOSED[what]
    (tmp_path / closed).mkdir(parents=True)
    (tmp_path / closed).chmod(0o555)
    above = tmp_path / "above"
    taken = ("--from", str(sample)) if command == "collect" else ()

    done = oso(project, above / "home", command, *taken, before=without_privilege)

    assert (done.returncode, done.stderr) == (exit_code, f"Error: {said.format(above=above)}\n")


def test_a_locked_warehouse_is_one_clear_line(ran, sample):
    with duckdb.connect(str(ran / ".oso" / "warehouse.duckdb")):
        done = oso(ran, ran / ".oso", "run", "--from", str(sample))

    assert done.returncode == 1
    assert "warehouse.duckdb: cannot be opened" in done.stderr
    assert done.stderr.endswith("; end the process that holds it, or wait\n")
    assert "Traceback" not in done.stderr


def test_a_postgres_that_is_not_there_is_one_clear_line(ran):
    dsn = "host=127.0.0.1 port=1 connect_timeout=2"

    done = oso(ran, ran / ".oso", "release", OSO_POSTGRES_DSN=dsn)

    assert done.returncode == 5
    assert "postgres: 127.0.0.1:1/: Connection refused; " in done.stderr
    assert "OSO_POSTGRES_DSN" in done.stderr


def test_a_home_that_may_not_be_written_is_one_clear_line(project, sample, tmp_path):
    home = tmp_path / "file"
    home.write_text("not a folder")

    done = oso(project, home, "run", "--from", str(sample))

    assert done.returncode == 2
    assert str(home) in done.stderr
    assert "Traceback" not in done.stderr
