"""Jobs that load tables into BigQuery, or copy them inside it: found again, followed by others, or one clear line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oso_processors.errors import StoreUnusable
from oso_processors.release.measure import Wish, measured

from .conftest import manifest, table
from .scripted_bigquery import (
    MISSING,
    NAME,
    PROJECT,
    SESSION,
    SILENCE,
    STORE,
    UPLOAD,
    Answer,
    dataset,
    failed,
    job,
)


@pytest.fixture
def output(warehouse):
    """A table with a row, to be loaded."""
    warehouse.execute("CREATE TABLE one AS SELECT 1::BIGINT AS id")
    columns = table().columns[:1]
    wish = Wish(table(query="SELECT id FROM one", columns=columns), {"bigquery": {}}, {})
    return measured(warehouse, wish)


def built(store: Any, warehouse: Any, output: Any) -> Any:
    store.build(warehouse, manifest(7, output), output)


def places(output: Any, attempt: int = 0) -> tuple[str, str]:
    """Return the requests for the table, and for the job that loads it."""
    name = f"everything__{output.digest[:12]}"
    return f"{STORE}/tables/{name}", f"GET {PROJECT}/jobs/oso_published_{name}_r7_{attempt}"


def there(output: Any) -> Answer:
    reference = {"projectId": "oso-test", "datasetId": "published_store", "tableId": "t"}
    labels = {"made_by": "oso_processors", "release": "r7"}
    schema = {"fields": [{"name": "id", "type": "INTEGER", "description": "The grain."}]}
    body = {"tableReference": reference, "type": "TABLE", "numRows": "1", "schema": schema}
    return 200, {**body, "labels": labels, "description": output.table.description}


def uploads(asked: list[tuple[str, str]]) -> list[str]:
    """Return the names of the jobs that were sent with a file."""
    return [NAME.findall(body)[0] for what, body in asked if what == UPLOAD and NAME.search(body)]


DATASET = {f"GET {STORE}": [dataset("published_store")]}


def test_a_run_after_a_crash_finds_the_job_of_the_one_before(store_of, asked, warehouse, output):
    name, found = places(output)
    answers = {f"GET {name}": [MISSING, there(output)], found: [job()]}

    built(store_of(DATASET | answers), warehouse, output)

    assert UPLOAD not in {what for what, _ in asked}


def test_a_job_that_is_there_already_is_asked_how_it_ended(store_of, asked, warehouse, output):
    name, found = places(output)
    conflict = failed(409, "duplicate", "Already Exists: Job")
    answers = {
        f"GET {name}": [MISSING, there(output)],
        found: [MISSING, job()],
        UPLOAD: [conflict],
    }

    built(store_of(DATASET | answers), warehouse, output)

    assert [what for what, _ in asked].count(found) == 2


def test_a_job_whose_table_is_gone_is_followed_by_another(store_of, asked, warehouse, output):
    name, found = places(output)
    _, second = places(output, 1)
    answers = {
        f"GET {name}": [MISSING, MISSING, there(output)],
        found: [job()],
        second: [MISSING, job()],
        UPLOAD: [failed(409, "duplicate", "Already Exists: Job")],
    }

    built(store_of(DATASET | answers), warehouse, output)

    assert second in {what for what, _ in asked}


def test_a_job_that_fails_for_a_moment_is_followed_by_another(store_of, asked, warehouse, output):
    name, first = places(output)
    _, second = places(output, 1)
    answers = {
        f"GET {name}": [MISSING, there(output)],
        first: [MISSING],
        second: [MISSING],
        UPLOAD: [(200, {})],
        f"PUT {SESSION}": [job(reason="backendError"), job()],
    }

    built(store_of(DATASET | answers), warehouse, output)

    assert uploads(asked) == [each.rpartition("/")[2] for each in (first, second)]


def test_an_upload_that_is_cut_off_is_one_line_and_leaves_no_file(
    store_of, warehouse, output, tmp_path
):
    name, found = places(output)
    answers = {f"GET {name}": [MISSING], found: [MISSING], UPLOAD: [SILENCE]}

    with pytest.raises(StoreUnusable, match="see that Google can be reached") as caught:
        built(store_of(DATASET | answers, patience=0.5), warehouse, output)

    assert "\n" not in str(caught.value)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_job_that_fails_for_good_is_one_line_and_leaves_no_file(
    store_of, warehouse, output, tmp_path
):
    name, found = places(output)
    answers = {
        f"GET {name}": [MISSING],
        found: [MISSING],
        UPLOAD: [(200, {})],
        f"PUT {SESSION}": [job(reason="invalid")],
    }

    with pytest.raises(StoreUnusable, match="everything: 400 It failed; mend that, and run again"):
        built(store_of(DATASET | answers), warehouse, output)

    assert list((tmp_path / "uploads").iterdir()) == []


# Copying, where the warehouse is BigQuery.

MODEL = f"{PROJECT}/datasets/_sm/tables/one"
JOBS = f"POST {PROJECT}/jobs"
COPYING: Answer = 200, {**job()[1], "configuration": {"copy": {"destinationTable": {}}}}


def held_by_a_model(store: Any, output: Any, folder: Path) -> Any:
    """Return the same output as it would be if its rows lay in BigQuery."""
    from oso_processors.stores.bigquery_tables import Bringing

    place = Bringing(store._jobs, folder).table("oso-test._sm.one")
    made = replace(output.table, query='SELECT "id" FROM "oso-test"."_sm"."one"', elsewhere=place)
    return replace(output, table=made)


def copied(
    store_of: Any,
    warehouse: Any,
    output: Any,
    folder: Path,
    asked_after: list[Answer],
    *started: Answer,
) -> None:
    """Build the output of a model's table, on a server that answers so when the job is asked after and started."""
    name, found = places(output)
    answers = {
        f"GET {name}": [MISSING, there(output)],
        f"GET {MODEL}": [there(output)],
        found: asked_after,
        JOBS: list(started),
    }
    store = store_of(DATASET | answers)
    built(store, warehouse, held_by_a_model(store, output, folder))


def test_a_model_s_table_is_copied_by_a_job_that_is_named_for_what_it_copies(
    store_of, asked, warehouse, output, tmp_path
):
    name, found = places(output)

    copied(store_of, warehouse, output, tmp_path, [MISSING], COPYING)

    [sent] = [json.loads(body) for what, body in asked if what == JOBS]
    tables = {"projectId": "oso-test", "datasetId": "published_store"}
    assert sent["jobReference"]["jobId"] == found.rpartition("/")[2]
    assert sent["configuration"]["copy"] == {
        "sourceTables": [{"projectId": "oso-test", "datasetId": "_sm", "tableId": "one"}],
        "destinationTable": {**tables, "tableId": name.rpartition("/")[2]},
        "writeDisposition": "WRITE_EMPTY",
    }
    assert UPLOAD not in {what for what, _ in asked}


def test_a_copy_that_is_there_already_is_asked_how_it_ended(
    store_of, asked, warehouse, output, tmp_path
):
    _, found = places(output)

    copied(
        store_of,
        warehouse,
        output,
        tmp_path,
        [MISSING, COPYING],
        failed(409, "duplicate", "Already Exists: Job"),
    )

    assert [what for what, _ in asked].count(found) == 2


def test_a_copy_of_a_run_that_was_cut_off_is_not_made_again(
    store_of, asked, warehouse, output, tmp_path
):
    copied(store_of, warehouse, output, tmp_path, [COPYING])

    assert JOBS not in {what for what, _ in asked}
