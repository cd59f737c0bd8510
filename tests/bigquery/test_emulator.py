"""The project on BigQuery's protocol: SQLMesh's own adapter, Google's own client, and DuckDB's rows.

Both warehouses go through the same days together; the emulator's is compared with DuckDB's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow
import pytest
import sqlglot
from psycopg.conninfo import conninfo_to_dict
from sqlglot import exp
from sqlmesh import Context
from sqlmesh.core.config import Config
from sqlmesh.core.config.connection import BigQueryConnectionConfig
from sqlmesh.core.config.loader import load_config_from_yaml
from sqlmesh.core.console import NoopConsole, set_console
from sqlmesh.core.plan import Plan

from oso_processors.collectors.raw_tables import create_statements
from oso_processors.pipeline import collect_all, raw_connection
from oso_processors.progress import Progress
from oso_processors.sample import SampleSize, make_sample
from oso_processors.settings import Settings
from oso_processors.sources import chosen

pytestmark = [
    pytest.mark.bigquery,
    # Google's client wants pandas-gbq for data frames one day; SQLMesh will have to answer that.
    pytest.mark.filterwarnings("ignore:Loading pandas DataFrame into BigQuery:FutureWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]

# What the emulator builds unless OSO_EMULATOR_MODELS is `all`: it takes seconds a model.
METRICS = ("churned_contributors", "full_time_developers", "stars")
MARTS = ("metrics_v1", "projects_v1", "timeseries_metrics_by_project_v1")
FIRST, SECOND = datetime(2025, 10, 19, tzinfo=UTC), datetime(2025, 10, 20, tzinfo=UTC)
LATE_DAY = "2025-10-15"
# When a row came, where that is not before the first day: its table, and which of its rows.
LATER = {
    "gharchive__events": "created_at >= '2025-10-19'",
    "gharchive__hours": "hour >= '2025-10-19'",
}
LATE = {"gharchive__events": f"CAST(created_at AS DATE) = '{LATE_DAY}' AND hash(id) % 2 = 0"}


@dataclass
class Console(NoopConsole):
    """Hears which models were built, and what failed."""

    built: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    def update_snapshot_evaluation_progress(self, snapshot: Any, *_: Any, **__: Any) -> None:
        self.built.add(snapshot.name)

    def log_failed_models(self, errors: Any) -> None:
        self.failures += [f"{each.node}: {each.__cause__!r}" for each in errors]


@dataclass
class Site:
    """One warehouse under SQLMesh; `load` appends a Parquet file to a raw table."""

    context: Context
    load: Callable[[str, Path], None]
    console: Console

    def apply(self, **options: Any) -> Plan:
        plan = self.context.plan_builder("prod", skip_tests=True, **options).build()
        self.console.failures.clear()
        try:
            self.context.apply(plan)
        except Exception as error:
            raise AssertionError(self.console.failures or error) from error
        return plan


@dataclass
class Both:
    """The same project twice: on DuckDB, and on BigQuery's protocol."""

    local: Site
    remote: Site
    project: Path
    raw: Path

    def land(self, part: str) -> None:
        for path in sorted((self.raw / part).iterdir()):
            self.local.load(path.stem, path)
            self.remote.load(path.stem, path)

    def built_by(self, act: Callable[[Site], Any]) -> list[set[str]]:
        """Let both act; return what each of them built."""
        built = []
        for site in (self.local, self.remote):
            set_console(site.console)
            site.console.built.clear()
            act(site)
            built.append({name.replace('"', "") for name in site.console.built})
        return built


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory, copy_project: Callable[[Path], Path]) -> Path:
    """What the collectors land of a small sample, as Parquet: what is there first, late and later."""
    folder = tmp_path_factory.mktemp("raw")
    make_sample(
        folder / "sample", SampleSize(events=400, days=5, projects=10), 1, Progress(quiet=True)
    )
    settings = Settings(project=copy_project(folder / "project"), home=folder / "home")
    collect_all(settings, chosen(settings, folder / "sample"), Progress(quiet=True))
    with raw_connection(settings) as connection:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE contains(table_name, '__')"
        ).fetchall()
        for (name,) in tables:
            later, late = LATER.get(name, "false"), LATE.get(name, "false")
            parts = {"first": f"NOT ({later}) AND NOT ({late})", "late": late, "later": later}
            for part, rows in parts.items():
                export(connection, name, rows, folder / part)
    return folder


def export(connection: duckdb.DuckDBPyConnection, name: str, rows: str, folder: Path) -> None:
    """Write some rows of a raw table as Parquet, if there are any."""
    folder.mkdir(exist_ok=True)
    query = f'FROM raw."{name}" WHERE {rows}'
    if connection.execute(f"SELECT count(*) {query}").fetchone() != (0,):
        connection.execute(f"COPY (SELECT * {query}) TO '{folder / name}.parquet'")


@pytest.fixture(scope="module")
def reduced(tmp_path_factory: pytest.TempPathFactory, copy_project: Callable[[Path], Path]) -> Path:
    """A copy of the project with fewer metrics and marts, but with every kind of model."""
    project = copy_project(tmp_path_factory.mktemp("reduced") / "project")
    for layer, kept in (("metrics", METRICS), ("marts", MARTS)):
        for path in (project / "models" / layer).glob("*.sql"):
            if path.stem not in kept and os.environ.get("OSO_EMULATOR_MODELS") != "all":
                path.unlink()
    return project


@pytest.fixture(scope="module")
def environ(
    emulator: Any, server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[pytest.MonkeyPatch]:
    """The settings by which a person asks for BigQuery, its state in a real Postgres."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS emulator_state")
        connection.execute("CREATE DATABASE emulator_state")
    address = conninfo_to_dict(server)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSO_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("OSO_BIGQUERY_PROJECT", emulator.project)
        patch.setenv("OSO_STATE_HOST", str(address["host"]))
        patch.setenv("OSO_STATE_USER", str(address["user"]))
        patch.setenv("OSO_STATE_PASSWORD", "unused")
        patch.setenv("OSO_STATE_DATABASE", "emulator_state")
        patch.setenv("MAX_FORK_WORKERS", "1")
        yield patch


@pytest.fixture(scope="module")
def both(environ: pytest.MonkeyPatch, emulator: Any, reduced: Path, raw: Path) -> Iterator[Both]:
    """Both warehouses, empty, with their raw tables made."""
    consoles = Console(), Console()
    # A context keeps the console of its making.
    set_console(consoles[0])
    local = Context(paths=[str(reduced)])
    with environ.context() as asked:
        asked.setenv("OSO_GATEWAY", "bigquery")
        set_console(consoles[1])
        remote = Context(paths=[str(reduced)], config=emulated(reduced, emulator))
    client = emulator.client()
    for each in create_statements():
        local.engine_adapter.execute(each)
        client.query(sqlglot.transpile(each, read="duckdb", write="bigquery")[0]).result()
    yield Both(
        Site(local, lambda name, path: insert(local, name, path), consoles[0]),
        Site(remote, lambda name, path: upload(client, name, path), consoles[1]),
        reduced,
        raw,
    )
    local.close()
    remote.close()


def emulated(project: Path, emulator: Any) -> Config:
    """Return config.yaml's configuration with the connection sent to the emulator."""
    config = Config.parse_obj(load_config_from_yaml(project / "config.yaml"))
    assert isinstance(config.gateways, dict)
    gateway = config.gateways["bigquery"]
    config.gateways = {"bigquery": gateway}
    assert isinstance(gateway.connection, BigQueryConnectionConfig)
    gateway.connection = emulator.connection(gateway.connection)
    return config


def insert(context: Context, name: str, path: Path) -> None:
    """Append a Parquet file to DuckDB's raw table."""
    context.engine_adapter.execute(f"INSERT INTO raw.\"{name}\" BY NAME SELECT * FROM '{path}'")


def upload(client: Any, name: str, path: Path) -> None:
    """Append a Parquet file to BigQuery's raw table, by a load job."""
    from google.cloud import bigquery

    job = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_APPEND")
    job.parquet_options = bigquery.format_options.ParquetOptions()
    job.parquet_options.enable_list_inference = True
    with path.open("rb") as file:
        client.load_table_from_file(file, f"{client.project}.raw.{name}", job_config=job).result()


# The days, each of which begins where the one before ended.


@pytest.fixture(scope="module")
def planned(both: Both) -> list[set[str]]:
    both.land("first")
    return both.built_by(lambda site: site.apply(execution_time=FIRST))


@pytest.fixture(scope="module")
def planned_again(both: Both, planned: Any) -> list[set[str]]:
    return both.built_by(lambda site: site.apply(execution_time=FIRST))


@pytest.fixture(scope="module")
def next_day(both: Both, planned_again: Any) -> list[set[str]]:
    both.land("later")
    return both.built_by(
        lambda site: site.context.run("prod", execution_time=SECOND, skip_janitor=True)
    )


@pytest.fixture(scope="module")
def restated(both: Both, next_day: Any) -> list[set[str]]:
    both.land("late")
    return both.built_by(
        lambda site: site.apply(
            restate_models=["staging.github_events"],
            start=LATE_DAY,
            end=LATE_DAY,
            execution_time=SECOND,
        )
    )


@pytest.fixture(scope="module")
def widened(both: Both, restated: Any) -> list[set[str]]:
    path = both.project / "models" / "intermediate" / "github_activity_daily.sql"
    column = "CAST(COUNT(*) AS INT64) AS event_count"
    text = path.read_text()
    assert text.count(column) == 1
    path.write_text(
        text.replace(column, f"CAST(MAX(created_at) AS TIMESTAMP) AS last_at, {column}")
    )

    def change(site: Site) -> None:
        site.context.load()
        site.apply(forward_only=True, execution_time=SECOND)

    return both.built_by(change)


def names(both: Both) -> list[str]:
    """Return the models that have a table or a view, such as marts.projects_v1."""
    return sorted(
        model.view_name and f"{model.schema_name}.{model.view_name}"
        for model in both.local.context.models.values()
        if not model.kind.is_external
    )


def rows_of(site: Site, name: str, where: str = "TRUE") -> pyarrow.Table:
    """Return a table's rows as its own engine hands them over, its columns in one order."""
    query = sqlglot.parse_one(f"SELECT * FROM `oso-test`.{name} WHERE {where}", dialect="bigquery")
    adapter = site.context.engine_adapter
    if adapter.dialect == "duckdb":
        return adapter.cursor.execute(query.sql("duckdb")).to_arrow_table()
    return adapter.client.query(query.sql("bigquery")).to_arrow(create_bqstorage_client=True)


def compared(both: Both, name: str) -> tuple[int, int, int]:
    """Return how many rows a table has on DuckDB, and how many only one engine has."""
    here, there = rows_of(both.local, name), rows_of(both.remote, name)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("here", here)
        connection.register("there", there.select(here.column_names))
        (only_here,) = connection.execute(COUNT_OF.format("here", "there")).fetchone()
        (only_there,) = connection.execute(COUNT_OF.format("there", "here")).fetchone()
    return here.num_rows, only_here, only_there


COUNT_OF = "SELECT count(*) FROM (SELECT * FROM {} EXCEPT ALL SELECT * FROM {})"


def plain(column_type: exp.DataType) -> str:
    """Return a type as BigQuery's API tells it: without the precision, which is NUMERIC's own."""
    return column_type.sql(dialect="bigquery").replace("(38, 9)", "")


def test_every_kind_of_model_is_among_those_that_the_emulator_builds(both, copy_project, tmp_path):
    whole = Context(paths=[str(copy_project(tmp_path / "project"))])

    def kinds(context: Context) -> set[tuple[str, str]]:
        return {(type(each).__name__, each.kind.name.name) for each in context.models.values()}

    assert kinds(both.remote.context) == kinds(whole)


def test_models_and_tables_have_the_same_names_on_both_engines(both):
    here, there = (
        {each.name: each.fingerprint for each in site.context.snapshots.values()}
        for site in (both.local, both.remote)
    )

    assert here == there


def test_a_plan_builds_every_model_on_both(both, planned):
    here, there = planned

    assert here == there
    assert {name.split(".", 1)[1] for name in there} == set(names(both))


def test_a_second_plan_builds_nothing(planned_again):
    assert planned_again == [set(), set()]


def test_the_next_day_is_built_on_both(both, next_day):
    here, there = next_day

    assert here == there
    assert "oso-test.staging.github_events" in there
    last = rows_of(both.remote, "staging.github_events", "created_at >= TIMESTAMP '2025-10-19'")
    assert last.num_rows > 0


def test_a_restated_day_takes_in_what_came_late(both, restated, raw):
    here, there = restated
    late = pyarrow.parquet.read_table(raw / "late" / "gharchive__events.parquet")

    assert here == there
    found = rows_of(both.remote, "staging.github_events").column("event_id").to_pylist()
    wanted = {each["id"] for each in late.to_pylist() if each["repo_id"] is not None}
    assert wanted
    assert wanted <= set(found)


def test_a_change_that_looks_forward_adds_a_column_and_rebuilds_nothing(both, widened):
    table = rows_of(both.remote, "intermediate.github_activity_daily")

    assert widened == [set(), set()]
    assert table.column("last_at").null_count == table.num_rows > 0


def test_every_row_is_the_same_on_both_engines(both, widened, record_property):
    counts = {name: compared(both, name) for name in names(both)}

    assert {name: count for name, count in counts.items() if count[1:] != (0, 0)} == {}
    assert sum(count[0] for count in counts.values()) > 10_000
    record_property("tables", len(counts))
    record_property("rows", sum(count[0] for count in counts.values()))


def test_every_column_has_the_type_that_its_model_declares(both, widened):
    adapter = both.remote.context.engine_adapter
    declared, found = {}, {}
    for model in both.remote.context.models.values():
        table = exp.to_table(model.fqn)
        name = f"{table.db}.{table.name}"
        declared[name] = {each: plain(kind) for each, kind in model.columns_to_types.items()}
        found[name] = {each: plain(kind) for each, kind in adapter.columns(table).items()}

    assert found == declared
