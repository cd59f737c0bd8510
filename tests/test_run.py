"""A whole run, as a person would make it: the command line in a process of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import orjson

from tests.commands import oso


def served(folder: Path, query: str) -> list[tuple[object, ...]]:
    """Query the files of the release that is served; {name} is a table's files."""
    releases = folder / ".oso" / "releases"
    pointer = orjson.loads((releases / "latest.json").read_bytes())
    folders = [each for each in (releases / pointer["release"]).iterdir() if each.is_dir()]
    tables = {each.name: f"'{each}/*.parquet'" for each in folders}
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


def test_status_says_what_is_where_and_starts_no_server(ran):
    log = ran / ".oso" / "postgres" / "server.log"
    started = log.stat().st_mtime_ns

    done = oso(ran, ran / ".oso", "status")

    assert (done.returncode, done.stderr) == (0, "")
    assert "not running" in done.stdout
    assert log.stat().st_mtime_ns == started
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
