"""The values of ../shared/data/examples, from a whole run on ../shared/data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import orjson
import pytest

from oso_processors.collectors.oss_funding import OssFunding
from oso_processors.collectors.source import Record

pytestmark = pytest.mark.long
PROJECT = Path(__file__).parents[1]
SHARED = PROJECT.parent / "shared" / "data"
MONTHLY = {
    "commits": "commits",
    "developers": "active_developers",
    "full_time_developers": "full_time_ge10",
    "part_time_developers": "part_time_lt10",
    "new_contributors": "new_developers",
    "returning_contributors": "retained_developers",
    "resurrected_contributors": "resurrected_developers",
    "churned_contributors": "churned_developers",
}


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """What a run on the real data publishes, as the view `found`."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not here")
    home = tmp_path_factory.mktemp("examples") / "home"
    # The examples hold with an empty list of bots.
    bots = home.parent / "bots.csv"
    bots.write_text("account\n")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "oso"), "run", "--from", str(SHARED)],
        cwd=PROJECT,
        env={**os.environ, "OSO_HOME": str(home), "OSO_BOTS": str(bots)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pointer = orjson.loads((home / "releases" / "latest.json").read_bytes())
    folder = home / "releases" / pointer["release"]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE VIEW found AS SELECT artifact_namespace || '/' || artifact_name AS entity,"
            " metric_name, sample_date, amount, has_git_history"
            f" FROM '{folder}/timeseries_metrics_by_artifact_v1/*.parquet'"
            f" JOIN '{folder}/metrics_v1/*.parquet' USING (metric_id)"
            f" JOIN '{folder}/artifacts_v1/*.parquet' USING (artifact_id)"
            f" LEFT JOIN (SELECT artifact_id, has_git_history FROM '{folder}/repositories_v1/*.parquet')"
            " USING (artifact_id)"
        )
        connection.execute(f"CREATE VIEW repositories AS FROM '{folder}/repositories_v1/*.parquet'")
        yield connection


def differing(
    values: duckdb.DuckDBPyConnection, metric: str, wanted: str
) -> tuple[int, list[object]]:
    """How many values are wanted, and those that were not found. A metric without a row is 0."""
    rows = values.execute(
        f"SELECT wanted.*, found.amount FROM ({wanted}) AS wanted (entity, sample_date, amount)"
        " LEFT JOIN (FROM found WHERE metric_name = ?) AS found USING (entity, sample_date)",
        [metric],
    ).fetchall()
    return len(rows), [row for row in rows if (row[2] or 0) != (row[3] or 0)]


@pytest.mark.parametrize("metric", MONTHLY)
def test_monthly_values_of_five_repositories_are_reproduced(values, metric):
    path = SHARED / "examples" / "monthly_activity_canon_5repos.parquet"
    wanted = f"SELECT lower(entity), month, {MONTHLY[metric]} FROM '{path}'"

    assert differing(values, f"GITHUB_{metric}_monthly", wanted) == (332, [])


@pytest.mark.parametrize(
    ("metric", "column"), [("commits", "commits"), ("developers", "active_developers")]
)
def test_weekly_values_of_five_repositories_are_reproduced(values, metric, column):
    path = SHARED / "examples" / "weekly_commits_canon_5repos.parquet"
    wanted = f"SELECT lower(entity), week, {column} FROM '{path}'"

    assert differing(values, f"GITHUB_{metric}_weekly", wanted) == (1068, [])


@pytest.mark.parametrize("metric", ["commits", "developers"])
def test_totals_of_five_repositories_are_reproduced(values, metric):
    path = SHARED / "examples" / "totals_canon_5repos.parquet"
    wanted = f"SELECT lower(entity), DATE '1970-01-01', {metric} FROM '{path}'"

    assert differing(values, f"GITHUB_{metric}_all_time", wanted) == (5, [])


def test_first_and_last_commits_are_reproduced(values):
    path = SHARED / "examples" / "totals_canon_5repos.parquet"

    found = values.execute(
        f"SELECT count(*) FROM '{path}' JOIN repositories"
        " ON lower(entity) = owner_name || '/' || repository_name"
        " AND first_commit = first_committed_at AND last_commit = last_committed_at"
    ).fetchone()

    assert found == (5,)


@pytest.mark.parametrize(("bucket", "is_all"), [("yearly", False), ("all_time", True)])
def test_absence_factors_are_reproduced(values, bucket, is_all):
    path = SHARED / "examples" / "contributor_absence_factor_canon_5repos.parquet"
    date = "DATE '1970-01-01'" if is_all else "make_date(period::INT, 1, 1)"
    wanted = (
        f"SELECT lower(entity), {date}, absence_factor FROM '{path}'"
        f" WHERE (period = 'all') = {is_all}"
    )

    count, wrong = differing(values, f"GITHUB_contributor_absence_factor_{bucket}", wanted)

    assert (count, wrong) == (5 if is_all else 33, [])


HOUR = {
    "commits": ["oso_COMMIT_CODE"],
    "forks": ["oso_FORKED"],
    "stars": ["oso_STARRED"],
    "releases": ["oso_RELEASE_PUBLISHED"],
    "pushes": ["push_pushes"],
    "issues_opened": ["oso_ISSUE_OPENED"],
    "issues_closed": ["oso_ISSUE_CLOSED"],
    "pull_requests_opened": ["oso_PULL_REQUEST_OPENED"],
    "pull_requests_closed": ["oso_PULL_REQUEST_CLOSED"],
    "pull_requests_merged": ["oso_PULL_REQUEST_MERGED"],
    "comments": [
        "oso_ISSUE_COMMENT",
        "oso_PULL_REQUEST_COMMENT",
        "oso_PULL_REQUEST_REVIEW_COMMENT",
    ],
}


@pytest.mark.parametrize("metric", HOUR)
def test_sums_over_a_whole_hour_of_gh_archive_are_reproduced(values, metric):
    listed = ", ".join(f"'{each}'" for each in HOUR[metric])
    path = SHARED / "examples" / "gha_summary.csv"

    found = values.execute(
        f"SELECT (SELECT sum(value) FROM '{path}' WHERE metric IN ({listed})),"
        " (SELECT sum(amount) FROM found WHERE metric_name = ? AND sample_date = '2015-01-01'"
        " AND NOT has_git_history)",
        [f"GITHUB_{metric}_daily"],
    ).fetchone()

    assert found is not None
    assert found[0] == found[1]


def test_what_each_funder_gave_is_the_sum_of_its_grants(values):
    file = OssFunding().read({"path": str(SHARED / "oss-funding")}, ("grants",), {})
    wanted: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in file:
        if isinstance(each, Record) and each.stream == "grants":
            wanted[f"/{each.data['from_funder_name']}"] += Decimal(each.data["amount"])

    found = dict(
        values.execute(
            "SELECT entity, amount FROM found WHERE metric_name = 'OSS_FUNDING_funding_awarded_all_time'"
        ).fetchall()
    )

    # Each of thousands of grants is rounded to nine digits.
    assert found.keys() == wanted.keys()
    assert all(abs(found[name] - wanted[name]) < Decimal("0.00001") for name in wanted)


def registry_graph() -> dict[str, set[str]]:
    """What each package of the registry's Parquet needs at run time, as SOURCE/namespace/name."""
    rows = duckdb.sql(
        f"SELECT registry, name, dependency FROM '{SHARED}/registry/dependencies.parquet'"
        " WHERE kind = 'runtime'"
    ).fetchall()
    graph: defaultdict[str, set[str]] = defaultdict(set)
    for registry, *names in rows:
        one, other = (each if "/" in each else f"/{each}" for each in names)
        graph[f"{registry}:{one}"].add(f"{registry}:{other}")
    return graph


def reached(graph: dict[str, set[str]], start: str) -> set[str]:
    """All that ``start`` needs, directly or through others."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = graph.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found - {start}


def published(values: duckdb.DuckDBPyConnection, metric: str, registry: str) -> dict[str, int]:
    """The values of a metric for all time, by SOURCE:namespace/name."""
    rows = values.execute(
        "SELECT entity, amount::BIGINT FROM found WHERE metric_name = ?",
        [f"{registry}_{metric}_all_time"],
    ).fetchall()
    return {f"{registry}:{entity}": amount for entity, amount in rows}


@pytest.mark.parametrize("registry", ["NPM", "PYPI"])
def test_dependencies_and_dependents_are_those_of_the_registrys_graph(values, registry):
    graph = {key: needs for key, needs in registry_graph().items() if key.startswith(registry)}
    needed = Counter(each for needs in graph.values() for each in needs)

    assert published(values, "dependencies", registry) == {
        key: len(needs) for key, needs in graph.items()
    }
    assert published(values, "dependents", registry) == needed
    assert published(values, "transitive_dependencies", registry) == {
        key: len(reached(graph, key)) for key in graph
    }


def test_repositories_are_dependents_of_what_their_bills_of_materials_list(values):
    bills = duckdb.sql(
        "SELECT 'CRATES:/' || package_artifact_name, count(*)"
        f" FROM '{SHARED}/dependency-graph/deepfunder_sbom.parquet'"
        " WHERE package_artifact_source = 'RUST' GROUP BY 1"
    ).fetchall()

    assert published(values, "transitive_dependents", "CRATES") == dict(bills)
