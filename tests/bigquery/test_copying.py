"""Tables that models have in BigQuery: published without a row leaving it, or brought here in blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oso_processors.release.measure import Wish, measured
from oso_processors.stores import Output
from oso_processors.stores import bigquery_shape as shape
from oso_processors.stores.bigquery_copying import plain_query
from oso_processors.stores.bigquery_jobs import Jobs
from oso_processors.stores.bigquery_tables import Bringing
from tests.stores.conftest import COLUMNS, manifest, table

from .conftest import ABOUT

pytestmark = [
    pytest.mark.bigquery,
    # Google's client wants pandas-gbq for this one day.
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]

SOURCE = "oso-test.models.everything"
# BigQuery has one type of whole numbers.
HELD = tuple(replace(each, type="BIGINT") if each.name == "narrow" else each for each in COLUMNS)
PLACE = shape.Place("oso-test", "published")


@pytest.fixture
def bringing(client, tmp_path):
    """What brings rows here."""
    return Bringing(Jobs(client), tmp_path / "brought")


@pytest.fixture
def made(client, everything, whole, tmp_path):
    """Rows of everything in BigQuery, as a model has them: loaded, or selected with a layout or more."""
    from google.cloud import bigquery

    def make(layout: str = "", also: str = "", columns=HELD) -> None:
        loaded = f"{SOURCE}_loaded" if layout or also else SOURCE
        client.create_dataset("models", exists_ok=True)
        for name in (SOURCE, loaded):
            client.delete_table(name, not_found_ok=True)
        path, names = tmp_path / "everything.parquet", [each.name for each in columns]
        listed = ", ".join(f'"{each}"' for each in names)
        everything.execute(f"COPY (SELECT {listed} FROM everything) TO '{path}' (FORMAT parquet)")
        fields = [each for each in shape.schema(whole) if each.name in names]
        config = bigquery.LoadJobConfig(source_format="PARQUET", schema=fields)
        config.parquet_options = bigquery.format_options.ParquetOptions()
        config.parquet_options.enable_list_inference = True
        with path.open("rb") as file:
            client.load_table_from_file(file, loaded, job_config=config).result()
        if loaded != SOURCE:
            query = f"SELECT *{also} FROM {shape.quoted(loaded)}"
            client.query(f"CREATE TABLE {shape.quoted(SOURCE)} {layout} AS {query}").result()

    return make


@pytest.fixture
def remote(warehouse, bringing):
    """Measure the table that lies in BigQuery."""

    def make(columns=HELD, options: dict[str, object] | None = None) -> Output:
        query = plain_query(SOURCE, [each.name for each in columns])
        found = replace(table(query=query, columns=columns), elsewhere=bringing.table(SOURCE))
        return measured(warehouse, Wish(found, {"files": {}, "bigquery": options or {}}, ABOUT))

    return make


def kind_of_job(client, output: Output) -> tuple[str, str]:
    """What filled the table of the first release: the last of such jobs, since other tests had them, too."""
    prefix = f"oso_published_{shape.table_of(output)}_r1_"
    jobs = [each for each in client.list_jobs() if each.job_id.startswith(prefix)]
    job = max(jobs, key=lambda each: each.created)
    return job.job_type, job.state


def test_what_lies_in_bigquery_is_measured_there_as_it_would_be_here(made, remote, whole):
    made()

    assert remote().checksum == whole.checksum


def test_a_table_that_is_published_as_it_is_comes_by_a_copy_job(
    made, remote, store, client, warehouse
):
    # The emulator's copies forget how many digits a decimal has; BigQuery's do not.
    columns = tuple(each for each in HELD if not each.type.startswith("DECIMAL"))
    made(columns=columns)
    output = remote(columns)

    store.build(warehouse, manifest(1, output), output)

    assert kind_of_job(client, output) == ("copy", "DONE")
    found = store.measure(manifest(1, output), output)
    assert found.checksum == output.checksum
    assert list(found.columns) == [f"{each.name} {each.type}" for each in output.table.columns]
    [first, *_] = client.get_table(PLACE.behind(output)).schema
    assert first.description == "The grain."


@pytest.mark.parametrize(
    ("columns", "options", "layout"),
    [
        (HELD[:3], {}, ""),
        (HELD, {"cluster_by": ["word"]}, ""),
        (HELD, {"partition_by": "day", "partition_unit": "month"}, ""),
        (HELD, {}, "CLUSTER BY word"),
    ],
)
def test_a_table_that_is_published_otherwise_is_made_by_one_statement(
    made, remote, store, client, warehouse, columns, options, layout
):
    made(layout, ", 1 AS more" if not layout and columns is HELD else "")
    output = remote(columns, options)

    store.build(warehouse, manifest(1, output), output)

    assert kind_of_job(client, output) == ("query", "DONE")
    found = client.get_table(PLACE.behind(output))
    assert store.measure(manifest(1, output), output).checksum == output.checksum
    assert found.clustering_fields == shape.clustering(output)
    assert found.time_partitioning == shape.partitioning(output)


def test_a_run_that_was_cut_off_finds_its_job_again(made, remote, store, client, warehouse):
    made()
    output = remote()
    store.build(warehouse, manifest(1, output), output)
    before = client.get_table(PLACE.behind(output)).created

    store.build(warehouse, manifest(1, output), output)

    assert client.get_table(PLACE.behind(output)).created == before


def test_rows_are_brought_here_once_and_are_the_same(made, remote, whole, everything, bringing):
    made()
    output = remote()

    first, second = output.brought(output.table.query), output.brought(output.table.query)

    rows = everything.execute(f"FROM ({first}) ORDER BY id").fetchall()
    assert rows == everything.execute("FROM everything ORDER BY id").fetchall()
    described = everything.execute(f"DESCRIBE {first}").fetchall()
    assert [f"{row[0]} {row[1]}" for row in described] == [f"{e.name} {e.type}" for e in HELD]
    assert first == second
    assert len(list(bringing.folder.iterdir())) == 1


def test_what_was_brought_is_removed_in_the_end(made, remote, bringing):
    made()
    output = remote()
    output.brought(output.table.query)

    bringing.close()

    assert not bringing.folder.exists()
