"""An hour that is not there lowers the coverage of what it would have told, and of nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import orjson
import pytest

# Two whole runs.
pytestmark = pytest.mark.long
BIN = Path(sys.executable).parent
HOUR = "2025-10-15-6.json.gz"
# The first days of the buckets that the hour belongs to.
CONCERNED = {
    "daily": "2025-10-15",
    "weekly": "2025-10-13",
    "monthly": "2025-10-01",
    "quarterly": "2025-10-01",
    "yearly": "2025-01-01",
    "all_time": "1970-01-01",
}


def read(project, query):
    """Query the files of the release that is served; {name} is a table's files."""
    releases = project / ".oso" / "releases"
    served = releases / orjson.loads((releases / "latest.json").read_bytes())["release"]
    tables = {each.name: f"'{each}/*.parquet'" for each in served.iterdir() if each.is_dir()}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(query.format_map(tables)).fetchall()


@pytest.fixture(scope="module")
def lacking(copy_project, leave_few_metrics, sample, tmp_path_factory):
    """A finished run on the sample without one hour."""
    place = tmp_path_factory.mktemp("lacking")
    shutil.copytree(sample, place / "sample")
    (place / "sample" / "gharchive" / HOUR).unlink()
    project = leave_few_metrics(copy_project(place / "project"))
    subprocess.run(
        [str(BIN / "oso"), "run", "--from", str(place / "sample")],
        cwd=project,
        env={**os.environ, "OSO_HOME": ".oso"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return project


def coverages(project, entity):
    """The coverage of each value, by metric, bucket, entity and first day."""
    found = read(
        project,
        f"SELECT metric_name, {entity}_id, sample_date::VARCHAR, coverage"
        f" FROM {{timeseries_metrics_by_{entity}_v1}} JOIN {{metrics_v1}} USING (metric_id)",
    )
    return {(*parts_of(name), which, day): covered for name, which, day, covered in found}


def parts_of(name):
    """The metric and the bucket of a name such as GITHUB_stars_all_time."""
    bucket = next(each for each in CONCERNED if name.endswith(f"_{each}"))
    return name.removeprefix("GITHUB_").removesuffix(f"_{bucket}"), bucket


def one_hour_of(bucket):
    """The share of a bucket that an hour is, as of the release."""
    ((day,),) = duckdb.sql("SELECT (now() AT TIME ZONE 'UTC')::DATE").fetchall()
    # The present bucket and all time end with the last whole day.
    first = {**CONCERNED, "all_time": "2025-10-14"}[bucket]
    ends = {"daily": 1, "weekly": 7, "monthly": 31, "quarterly": 92, "yearly": 365}
    passed = (day - date.fromisoformat(first)).days
    return Decimal(1) / (24 * min(passed, ends.get(bucket, passed)))


@pytest.mark.parametrize("entity", ["artifact", "project", "collection"])
def test_without_an_hour_coverage_falls_in_the_values_that_it_concerns_and_nowhere_else(
    finished, lacking, entity
):
    before, after = coverages(finished, entity), coverages(lacking, entity)

    fell = {key: before[key] - value for key, value in after.items() if before[key] != value}
    concerned = {key for key in after if key[3] == CONCERNED[key[1]]}
    stars = {key for key in concerned if key[0].endswith("stars")}
    contributors = {key for key in concerned if key[0].endswith("contributors")}
    assert stars
    assert set(after) <= set(before)
    assert stars <= set(fell) <= stars | contributors
    for key in stars:
        assert fell[key] == pytest.approx(one_hour_of(key[1]), abs=Decimal("2e-9"))
    # No hour of these days tells commits, so that it is the git histories that tell contributors.
    assert {before[key] for key in contributors - set(fell)} <= {Decimal(0)}


def test_the_hour_is_a_gap_and_the_others_are_those_that_there_were(finished, lacking):
    columns = "source, stream, started_at, ended_at, reason, subject"
    query = f"SELECT {columns} FROM {{_gaps}} WHERE reason LIKE 'missing in%' ORDER BY ALL"
    lost = datetime(2025, 10, 15, 6, tzinfo=UTC)

    added = set(read(lacking, query)) - set(read(finished, query))

    ends = (lost, lost + timedelta(hours=1))
    assert added == {("gharchive", "events", *ends, "missing in the folder", None)}
    assert set(read(finished, query)) <= set(read(lacking, query))


def test_what_pushes_do_not_list_is_a_gap(finished):
    query = (
        "SELECT started_at, ended_at, subject FROM {_gaps} WHERE reason = 'pushes list no commits'"
    )

    found = read(finished, query)

    first, missing, end = (
        datetime(2025, 10, day, hour, tzinfo=UTC) for day, hour in ((14, 0), (18, 4), (20, 0))
    )
    assert sorted(found) == [
        (first, missing, "events"),
        (missing + timedelta(hours=1), end, "events"),
    ]
