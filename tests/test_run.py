"""A whole run, as a person would make it: the command line in a process of its own."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import orjson
import pytest

BIN = Path(sys.executable).parent


def oso(
    project: Path,
    home: Path,
    *arguments: str,
    before: Callable[[], None] | None = None,
    **environ: str,
) -> subprocess.CompletedProcess[str]:
    """Run a command; ``before`` is called in the new process."""
    environment = {**os.environ, "OSO_HOME": str(home), "COLUMNS": "120", **environ}
    environment.pop("OSO_POSTGRES_DSN", None)
    return subprocess.run(
        [str(BIN / "oso"), *arguments],
        cwd=project,
        env={**environment, **environ},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=before,
    )


def served(folder: Path, query: str) -> list[tuple[object, ...]]:
    """Query the files of the release that is served; {name} is a table's file."""
    releases = folder / ".oso" / "releases"
    pointer = orjson.loads((releases / "latest.json").read_bytes())
    tables = {each.stem: f"'{each}'" for each in (releases / pointer["release"]).glob("*.parquet")}
    return duckdb.sql(query.format_map(tables)).fetchall()


def test_a_second_run_collects_builds_and_releases_nothing_and_says_what_there_is(ran, sample):
    before = (ran / ".oso" / "releases" / "latest.json").read_bytes()

    done = oso(ran, ran / ".oso", "run", "--from", str(sample))

    assert done.returncode == 0
    assert "Nothing new: r1 is still served." in done.stdout
    for words in ("Collected", "Built", "audits passed", "Release r1", "oso psql"):
        assert words in done.stdout
    assert (ran / ".oso" / "releases" / "latest.json").read_bytes() == before


def test_what_comes_later_is_in_the_next_release(ran, sample, tmp_path):
    more = tmp_path / "sample"
    shutil.copytree(sample, more)
    with duckdb.connect(str(ran / ".oso" / "warehouse.duckdb")) as connection:
        # The copy stands for the folder that was collected, to which other tests may add nothing.
        renamed = "UPDATE raw._origins SET origin = replace(origin, ?, ?)"
        connection.execute(renamed, [str(sample), str(more)])
    hours = sorted((more / "gharchive").iterdir())
    # An hour of long ago comes late.
    late = more / "gharchive" / "2024-02-29-5.json.gz"
    shutil.copy(hours[0], late)
    query = "SELECT sum(row_count) FROM {_tables} WHERE table_name = 'timeseries_metrics_by_artifact_v1'"
    ((before,),) = served(ran, query)

    done = oso(ran, ran / ".oso", "run", "--from", str(more))

    assert "Released r" in done.stdout
    # The events themselves were known, so that no value changes but for coverage.
    ((after,),) = served(ran, query)
    assert after == before


def test_a_metric_is_found_by_its_name(ran):
    found = served(
        ran,
        "SELECT metric_name, unit, path FROM {metrics_v1} WHERE metric_name = 'GITHUB_stars_monthly'",
    )

    assert found == [("GITHUB_stars_monthly", "stars", "models/metrics/stars.sql")]


def test_stars_are_those_of_the_hours_collected(ran, sample):
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        ((wanted,),) = connection.execute(
            "SELECT count(DISTINCT id) FROM read_json(?, format='newline_delimited',"
            " columns={id: 'VARCHAR', type: 'VARCHAR'}, ignore_errors=true) WHERE type = 'WatchEvent'",
            [f"{sample}/gharchive/*.json.gz"],
        ).fetchall()

    ((found,),) = served(
        ran,
        "SELECT sum(amount) FROM {timeseries_metrics_by_artifact_v1} JOIN {metrics_v1} USING (metric_id)"
        " WHERE metric_name = 'GITHUB_stars_all_time'",
    )

    assert found == wanted


def test_no_address_is_published(ran):
    for path in (ran / ".oso" / "releases").rglob("*.parquet"):
        for name, kind, *_ in duckdb.sql(f"DESCRIBE FROM '{path}'").fetchall():
            if kind == "VARCHAR":
                query = f"SELECT count(*) FROM '{path}' WHERE regexp_matches(\"{name}\", '[a-z0-9]@[a-z]')"
                assert duckdb.sql(query).fetchone() == (0,), (path.name, name)


def test_status_says_what_is_where(ran):
    done = oso(ran, ran / ".oso", "status")

    assert done.returncode == 0
    for words in (
        "gharchive",
        "events",
        "Set aside",
        "Last build",
        "files",
        "postgres",
        "r1",
        "fresh",
    ):
        assert words in done.stdout


def test_the_serving_database_opens_in_psql(ran):
    done = oso(ran, ran / ".oso", "psql", "-Atc", "SELECT release_id FROM _releases")

    assert (done.returncode, done.stdout) == (0, "r1\n")


def test_a_dry_run_prints_the_plan_and_publishes_nothing(ran):
    done = oso(ran, ran / ".oso", "release", "--dry-run")

    assert done.returncode == 0
    assert "unchanged stars" not in done.stdout
    assert "unchanged projects_v1" in done.stdout
    assert done.stdout.endswith("nothing to do\n")


def test_a_failed_audit_blocks_the_release_and_the_old_one_stays(ran, sample):
    audit = ran / "models" / "marts" / "event_types_v1.sql"
    text = audit.read_text().replace(
        "unique_values(", "forall(criteria := (event_type <> 'PUSH')),\n    unique_values("
    )
    audit.write_text(text)

    done = oso(ran, ran / ".oso", "run", "--from", str(sample))
    again = oso(ran, ran / ".oso", "release")

    assert done.returncode == 3
    assert "marts.event_types_v1: audit forall found 1 bad rows" in done.stderr
    assert "the old release is still served" in done.stderr
    assert again.returncode == 0
    assert served(ran, "SELECT release_id FROM {_releases}") == [("r1",)]


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
        "holds none of the folders oss-directory, gharchive, git, oss-funding, registry, open-dev-data"
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
    "rows cannot wait to be landed": (("collect",), 13_000, "the temporary folder"),
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


def test_collecting_from_a_folder_does_not_replace_what_the_real_sources_gave(ran, sample):
    with duckdb.connect(str(ran / ".oso" / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE raw._origins SET origin = 'sources.yaml'")

    done = oso(ran, ran / ".oso", "run", "--from", str(sample))

    assert done.returncode == 2
    assert "set OSO_HOME to another folder" in done.stderr


def test_another_folder_takes_the_place_of_the_one_before(ran, sample, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(sample / "git", other / "git")
    shutil.copytree(sample / "oss-directory", other / "oss-directory")
    (other / "gharchive").mkdir()
    hour = sorted((sample / "gharchive").iterdir())[30]
    shutil.copy(hour, other / "gharchive")

    done = oso(ran, ran / ".oso", "run", "--from", str(other), "--allow-shrink", "all")

    assert done.returncode == 0
    with duckdb.connect(str(ran / ".oso" / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM raw.gharchive__hours").fetchone() == (1,)


def test_an_unknown_command_is_a_usage_error(project, tmp_path):
    assert oso(project, tmp_path / "home", "rum").returncode == 2
