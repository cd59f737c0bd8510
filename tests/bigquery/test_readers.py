"""Readers of BigQuery while releases are made: no error, no empty table, never two releases at once.

`OSO_RELEASES` says how many releases; `OSO_RELEASES=200 make test-bigquery` makes two hundred.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oso_processors.release import Wish, release
from oso_processors.tables import Column, Table

from .conftest import Emulator

pytestmark = pytest.mark.bigquery
RELEASES = int(os.environ.get("OSO_RELEASES", "3"))
READERS = 8
ROWS = 200
# The emulator answers one after another: readers who never rest leave a release minutes behind them.
REST_SECONDS = 5
FORGOTTEN_SECONDS = 20
COLUMNS = (Column("repo", "VARCHAR", "It."), Column("run", "BIGINT", "Which release wrote it."))
# One name is a table whose rows are copied, the other a view.
KINDS = {"small": {"kind": "table"}, "large": {"kind": "view"}}
ONE = "SELECT COUNT(*), MIN(run), MAX(run) FROM published.{}"
BOTH = (
    "SELECT COUNT(*), LEAST(MIN(s.run), MIN(l.run)), GREATEST(MAX(s.run), MAX(l.run))"
    " FROM published.small AS s JOIN published.large AS l USING (repo)"
)
QUERIES = [ONE.format("small"), ONE.format("large"), BOTH, BOTH]


@dataclass
class Seen:
    """What one reader saw."""

    reads: int = 0
    wrong: list[str] = field(default_factory=list)


def read(emulator: Emulator, query: str, end: threading.Event, seen: Seen) -> None:
    """Read until the end; whatever is not as a reader was promised is written down."""
    client, newest = emulator.client(), 0
    while not end.wait(REST_SECONDS):
        try:
            ((count, low, high),) = (tuple(row) for row in client.query(query).result())
        except Exception as error:  # noqa: BLE001 (whatever a reader meets is what is looked for)
            seen.wrong.append(f"{type(error).__name__}: {error}")
            continue
        seen.reads += 1
        if count != ROWS or low != high or low < newest:
            seen.wrong.append(f"{(count, low, high)} after {newest}")
        newest = high
    client.close()


def forget(emulator: Emulator, end: threading.Event) -> None:
    """Delete what the emulator keeps of queries that are over: for each next one it looks through all of it."""
    client = emulator.client()
    while not end.wait(FORGOTTEN_SECONDS):
        before = datetime.now(UTC) - timedelta(seconds=FORGOTTEN_SECONDS)
        for job in list(client.list_jobs(state_filter="done", max_creation_time=before)):
            if job.job_type == "query":
                client.delete_job_metadata(job)
    client.close()


@contextmanager
def reading(emulator: Emulator) -> Iterator[list[Seen]]:
    """Let readers read; give what each saw."""
    end, seen = threading.Event(), [Seen() for _ in range(READERS)]
    threads = [
        threading.Thread(target=read, args=(emulator, QUERIES[number % len(QUERIES)], end, each))
        for number, each in enumerate(seen)
    ]
    threads.append(threading.Thread(target=forget, args=(emulator, end)))
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        end.set()
        for thread in threads:
            thread.join()


def wish(name: str, run: int) -> Wish:
    query = f"SELECT 'r' || i AS repo, {run}::BIGINT AS run FROM range({ROWS}) t(i)"
    described = Table(name, f"marts.{name}", query, COLUMNS, ("repo",), "A row.", "1")
    return Wish(described, {"bigquery": KINDS[name]}, {"owner": "me"})


def test_eight_readers_see_one_whole_release_at_a_time(
    store: Any, emulator: Emulator, warehouse: Any, quiet: Any
) -> None:
    def make(run: int) -> None:
        release(warehouse, [wish(name, run) for name in KINDS], [store], {}, quiet)

    make(1)
    with reading(emulator) as seen:
        for run in range(2, RELEASES + 1):
            make(run)

    print(f"{RELEASES} releases, {sum(each.reads for each in seen):,} reads")  # noqa: T201
    assert [each for one in seen for each in one.wrong] == []
    assert all(each.reads for each in seen)
