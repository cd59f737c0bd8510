"""The whole system on BigQuery by settings alone: collected, built and released there, and equal to here.

The command line runs in this process, so that Google's clients can be sent to the emulator.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson
import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict

from oso_processors.bigquery import BigQuery
from oso_processors.cli import main
from oso_processors.progress import Progress
from oso_processors.sample import SampleSize, make_sample

pytestmark = [
    pytest.mark.bigquery,
    # Google's client wants pandas-gbq for data frames one day; SQLMesh will have to answer that.
    pytest.mark.filterwarnings("ignore:Loading pandas DataFrame into BigQuery:FutureWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]
OUTPUTS = ("event_types_v1", "metrics_v1", "projects_v1", "timeseries_metrics_by_project_v1")
DATABASES = ("whole_state", "whole_remote", "whole_local")


@dataclass
class Site:
    """One installation: its project and home, and the settings that make it what it is."""

    project: Path
    environ: dict[str, str]

    @property
    def home(self) -> Path:
        return self.project / ".oso"

    def oso(self, *arguments: str) -> str:
        """Run a command; return what it printed."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.project)
            patch.delenv("OSO_HOME", raising=False)
            for name, value in self.environ.items():
                patch.setenv(name, value)
            done = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    def served(self) -> dict[str, Any]:
        """Return the manifest of the release that the files store serves."""
        pointer = orjson.loads((self.home / "releases" / "latest.json").read_bytes())
        return orjson.loads((self.home / "releases" / pointer["manifest"]).read_bytes())

    def landed(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()


@dataclass
class Both:
    """The same project twice, over one folder of sources: on DuckDB, and on BigQuery's protocol."""

    here: Site
    there: Site
    sources: Path
    later: Path

    def run(self) -> tuple[str, str]:
        said = [each.oso("run", "--from", str(self.sources)) for each in (self.here, self.there)]
        return said[0], said[1]


@pytest.fixture(scope="module")
def google(emulator: Any) -> Iterator[Any]:
    """Google's client; what has none of its own is sent to the emulator, which knows no credentials."""
    from sqlmesh.core.config.connection import BigQueryConnectionConfig

    client = emulator.client()
    for name in ("raw", "_sm", "published", "published_store"):
        client.delete_dataset(name, delete_contents=True, not_found_ok=True)
    connected = property(lambda _: {"client": emulator.client()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BigQuery, "connect", lambda _: emulator.client())
        patch.setattr(BigQueryConnectionConfig, "_static_connection_kwargs", connected)
        yield client
    client.close()


@pytest.fixture(scope="module")
def both(
    google: Any,
    server: str,
    tmp_path_factory: pytest.TempPathFactory,
    copy_project: Callable[[Path], Path],
    leave_few_metrics: Callable[[Path], Path],
) -> Both:
    """Both installations, and a sample whose last hours are kept back."""
    folder = tmp_path_factory.mktemp("whole")
    size = SampleSize(events=400, days=5, projects=10)
    make_sample(folder / "sample", size, 1, Progress(quiet=True))
    hours = sorted((folder / "sample" / "gharchive").rglob("*.json.gz"))
    (folder / "later").mkdir()
    for path in hours[-12:]:
        shutil.move(path, folder / "later" / path.name)
    with psycopg.connect(server, autocommit=True) as connection:
        for name in DATABASES:
            connection.execute(f"DROP DATABASE IF EXISTS {name}")
            connection.execute(f"CREATE DATABASE {name}")
    here, there = (
        leave_few_metrics(with_few_outputs(copy_project(folder / name)))
        for name in ("here", "there")
    )
    address = conninfo_to_dict(server)
    remote = {
        "OSO_GATEWAY": "bigquery",
        "OSO_BIGQUERY_DATASET": "published",
        "OSO_STATE_HOST": str(address["host"]),
        "OSO_STATE_USER": str(address["user"]),
        "OSO_STATE_PASSWORD": "unused",
        "OSO_STATE_DATABASE": "whole_state",
        "OSO_POSTGRES_DSN": f"{server} dbname=whole_remote",
    }
    shared = {"OSO_BIGQUERY_PROJECT": google.project, "MAX_FORK_WORKERS": "1"}
    local = {"OSO_POSTGRES_DSN": f"{server} dbname=whole_local"}
    return Both(
        Site(here, {**shared, **local}),
        Site(there, {**shared, **remote}),
        folder / "sample",
        folder / "later",
    )


def with_few_outputs(project: Path) -> Path:
    """Take most outputs out of a copy of the project; the emulator takes seconds a model."""
    for folder in ("models/marts", "processors", "contracts"):
        for path in (project / folder).iterdir():
            if path.stem not in OUTPUTS:
                path.unlink()
    for path in (project / "models" / "metrics").iterdir():
        if path.stem != "stars":
            path.unlink()
    return project


def contents(site: Site) -> dict[str, tuple[int, str, list[tuple[str, str]]]]:
    """Return the rows, checksum and columns of everything that models made."""
    return {
        name: (
            each["row_count"],
            each["checksum"],
            [(c["name"], c["type"]) for c in each["columns"]],
        )
        for name, each in site.served()["contents"].items()
        # What a release says of itself tells when it was built, but for gaps.
        if not name.startswith("_") or name == "_gaps"
    }


@pytest.fixture(scope="module")
def ran(both: Both) -> tuple[str, str]:
    return both.run()


@pytest.fixture(scope="module")
def ran_again(both: Both, ran: Any) -> str:
    return both.there.oso("run", "--from", str(both.sources))


@pytest.fixture(scope="module")
def ran_later(both: Both, ran_again: Any) -> tuple[str, str]:
    """What is released once the last hours came."""
    for path in both.later.iterdir():
        shutil.copy(path, both.sources / "gharchive" / path.name)
    return both.run()


def test_what_is_released_from_bigquery_is_what_is_released_from_here(both, ran):
    assert contents(both.there) == contents(both.here)
    assert "Released r1." in ran[1]


def test_every_store_serves_it_as_it_was_published(both, ran):
    assert "Every store serves r1 as it was published." in both.there.oso("verify")


def test_no_row_that_models_made_left_bigquery_to_be_published_there(both, ran, google):
    stored = {each.table_id for each in google.list_tables("published_store")}
    jobs = {
        name: google.get_job(f"oso_published_{name}_r1_0").job_type
        for name in stored - {"_releases"}
    }

    assert {kind for name, kind in jobs.items() if not name.startswith("_")} <= {"copy", "query"}
    assert {kind for name, kind in jobs.items() if name.startswith("_")} == {"load"}


def test_what_was_brought_for_other_stores_is_removed(both, ran):
    assert list((both.there.home / "passing").rglob("*.parquet")) == []


def test_a_second_run_sends_and_releases_nothing(both, ran_again):
    assert "Nothing new: r1 is still served." in ran_again


def test_what_comes_later_is_added_and_released_on_both(both, ran_later):
    generations = both.there.landed(
        "SELECT raw_table, generation FROM raw._sent WHERE raw_table LIKE 'gharchive__%'"
    )

    assert "Released r2." in ran_later[1]
    assert contents(both.there) == contents(both.here)
    assert {generation for _, generation in generations} == {1}
