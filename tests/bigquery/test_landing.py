"""What collectors landed is sent to BigQuery: once, what is new of it, and again where it was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from oso_processors.collectors.bigquery_landing import Sender
from oso_processors.collectors.ledger import sent_anew
from oso_processors.collectors.raw_tables import create_statements
from oso_processors.errors import StoreUnusable
from oso_processors.progress import Progress
from oso_processors.stores.bigquery_jobs import Jobs

pytestmark = pytest.mark.bigquery

HOURS = "oso-test.raw.gharchive__hours"


@pytest.fixture
def landing() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in which nothing has landed yet."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for statement in create_statements():
            connection.execute(statement)
        yield connection


@pytest.fixture
def land(landing) -> Callable[..., None]:
    """Land hours of GH Archive, as one load."""

    def make(load: int, *hours: int, table: str = "gharchive__hours") -> None:
        for hour in hours:
            landing.execute(
                f"INSERT INTO raw.\"{table}\" BY NAME SELECT TIMESTAMPTZ '2025-01-01 00:00:00Z'"
                f" + INTERVAL {hour} HOUR AS hour, {load} AS _load_id, now() AS _extracted_at"
            )

    return make


@pytest.fixture
def sender(client, landing, tmp_path) -> Sender:
    """Sends to an empty dataset."""
    client.delete_dataset("raw", delete_contents=True, not_found_ok=True)
    return Sender(landing, Jobs(client), "oso-test", "US", tmp_path / "uploads")


@pytest.fixture
def send(sender) -> Callable[[], int]:
    return lambda: sender.send(Progress(quiet=True))


def hours(client: Any) -> list[int]:
    """Return the hours that are there, in order."""
    rows = client.query(f"SELECT EXTRACT(HOUR FROM hour) FROM `{HOURS}` ORDER BY 1").result()
    return [row[0] for row in rows]


def generation(landing: duckdb.DuckDBPyConnection) -> int:
    [(found,)] = landing.execute("SELECT generation FROM raw._sent").fetchall()
    return found


def test_what_landed_is_there_and_laid_out_by_its_time(land, send, client):
    land(1, 3, 4)

    assert send() == 2

    table = client.get_table(HOURS)
    assert hours(client) == [3, 4]
    assert (table.time_partitioning.field, table.clustering_fields) == ("hour", ["hour"])


def test_only_what_landed_since_is_sent(land, send, client, landing):
    land(1, 3, 4)
    send()
    land(2, 5)

    assert (send(), send()) == (1, 0)

    assert hours(client) == [3, 4, 5]
    assert generation(landing) == 1


def test_a_stream_that_was_replaced_is_sent_whole(land, send, client, landing):
    land(1, 3, 4)
    send()
    landing.execute("DELETE FROM raw.gharchive__hours")
    land(2, 7, 8)

    assert send() == 2

    assert hours(client) == [7, 8]
    assert generation(landing) == 2


def test_a_run_that_was_killed_after_its_job_adds_nothing_twice(land, send, client, landing):
    land(1, 3)
    send()
    before = landing.execute("FROM raw._sent").fetchall()
    land(2, 4)
    send()
    # As it was when the job had ended and nobody wrote that down.
    landing.execute("DELETE FROM raw._sent")
    landing.executemany("INSERT INTO raw._sent VALUES (?, ?, ?, ?, ?, ?)", before)

    send()

    assert hours(client) == [3, 4]
    assert generation(landing) == 1


def test_what_somebody_took_away_there_is_sent_whole(land, send, client):
    land(1, 3, 4)
    send()
    client.delete_table(HOURS)
    land(2, 5)

    assert send() == 3

    assert hours(client) == [3, 4, 5]


def test_another_database_with_the_same_loads_takes_the_place_of_what_is_there(
    land, send, client, landing
):
    land(1, 3, 4)
    send()
    landing.execute("DELETE FROM raw._sent; DELETE FROM raw._sender")

    send()

    assert hours(client) == [3, 4]


def test_a_new_column_is_there_with_all_rows(land, send, client, landing):
    land(1, 3)
    send()
    landing.execute("ALTER TABLE raw.gharchive__hours ADD COLUMN more VARCHAR")
    landing.execute("UPDATE raw.gharchive__hours SET more = 'new'")

    send()

    [row] = client.query(f"SELECT more FROM `{HOURS}`").result()
    assert row[0] == "new"


def test_rows_that_were_rewritten_are_sent_anew(land, send, client, landing):
    land(1, 3)
    send()
    landing.execute("UPDATE raw.gharchive__hours SET hour = hour + INTERVAL 1 HOUR")
    sent_anew(landing, "gharchive__hours")

    send()

    assert hours(client) == [4]


def test_what_is_not_there_in_the_end_is_one_clear_line_and_the_next_run_mends_it(
    land, send, client, monkeypatch
):
    land(1, 3, 4)
    # A load that lost rows is none of the emulator's faults.
    load = Jobs.load

    def lose(self: Jobs, path: Any, table: str, config: Any, name: str) -> None:
        load(self, path, table, config, name)
        client.delete_table(HOURS)

    with monkeypatch.context() as patch:
        patch.setattr(Jobs, "load", lose)
        with pytest.raises(StoreUnusable, match=r"raw\.gharchive__hours: has 0 rows there and 2 h"):
            send()

    send()

    assert hours(client) == [3, 4]
