"""Send what collectors landed to BigQuery: of each raw table the rows that it got since, or all of it.

Collectors land in the embedded database, rows and state in one transaction; from there each table goes
on by load jobs. A job's name tells of what it loads, so that a run after a crash finds its job and
loads nothing twice; and what is there is counted before anything is added to it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
from google.cloud.bigquery import LoadJobConfig, TimePartitioning
from google.cloud.bigquery.format_options import ParquetOptions

from oso_processors.collectors.raw_tables import own_sources, table_name
from oso_processors.collectors.schema import columns
from oso_processors.errors import StoreUnusable
from oso_processors.progress import Progress
from oso_processors.sql import literal
from oso_processors.stores import bigquery_access
from oso_processors.stores.bigquery_jobs import Jobs, told

LEDGER = """
CREATE TABLE IF NOT EXISTS raw._sent (
  raw_table VARCHAR, generation BIGINT, load_id BIGINT, row_count BIGINT, shape VARCHAR,
  sent_at TIMESTAMPTZ
);
CREATE TABLE IF NOT EXISTS raw._sender (id VARCHAR);
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """How much of a raw table is in BigQuery: the rows up to a load, how many, and their shape.

    A table that is sent whole begins another `generation`.
    """

    generation: int = 0
    load_id: int = -1
    row_count: int = 0
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a raw table to be sent, those after a load up to another; `is_whole` takes the place
    of what is there."""

    table: str
    after: int
    now: Sent
    is_whole: bool

    @property
    def rows(self) -> str:
        """The query of the rows."""
        return f'FROM raw."{self.table}" WHERE _load_id > {self.after}'


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends raw tables from the embedded database to the dataset ``raw`` of a project."""

    landing: duckdb.DuckDBPyConnection
    jobs: Jobs
    project: str
    location: str
    folder: Path

    def send(self, progress: Progress) -> int:
        """Send what is new; return how many rows were sent."""
        self.landing.execute(LEDGER)
        tables = self._tables()
        with told("raw"):
            bigquery_access.make(self.jobs, f"{self.project}.raw", self.location)
        with progress.step("sending raw rows to BigQuery", len(tables)) as step:
            count = 0
            for table in tables:
                count += self._send(table)
                step.advance()
        return count

    def _send(self, table: str) -> int:
        before, now = self._sent(table), self._now(table)
        if (before.load_id, before.row_count, before.shape) == (
            now.load_id,
            now.row_count,
            now.shape,
        ):
            return 0
        part = self._part(table, before, now)
        name = self._job_name(part)
        with told(f"raw.{table}"):
            if not self.jobs.is_done(name):
                if not part.is_whole and self._count(table) != before.row_count:
                    # Somebody else changed what is there.
                    part = _whole(table, before, now)
                    name = self._job_name(part)
                self._load(part, name)
            found = self._count(table)
        if found != now.row_count:
            reason = f"has {found:,} rows there and {now.row_count:,} here; run again"
            self._keep(table, Sent(part.now.generation))
            raise StoreUnusable("bigquery", f"raw.{table}", reason)
        self._keep(table, part.now)
        return now.row_count - (0 if part.is_whole else before.row_count)

    def _part(self, table: str, before: Sent, now: Sent) -> Part:
        """Return what is to be sent: all, where rows that were sent are not as they were."""
        row = self.landing.execute(
            f'SELECT count(*) FROM raw."{table}" WHERE _load_id <= {before.load_id}'
        ).fetchone()
        is_kept = row == (before.row_count,) and before.row_count > 0
        if not is_kept or before.shape != now.shape:
            return _whole(table, before, now)
        grown = Sent(before.generation, now.load_id, now.row_count, now.shape)
        return Part(table, before.load_id, grown, is_whole=False)

    def _load(self, part: Part, name: str) -> None:
        place = f"{self.project}.raw.{part.table}"
        if part.is_whole:
            # What a plan made empty is laid out otherwise.
            self.jobs.client.delete_table(place, not_found_ok=True, **self.jobs.calls)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{part.table}.parquet"
        try:
            self.landing.execute(
                f"COPY ({part.rows}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)"
            )
            self.jobs.load(path, place, _config(part), name)
        finally:
            path.unlink(missing_ok=True)

    def _job_name(self, part: Part) -> str:
        """Name a job by what it loads: whose rows, which ones, and what they are."""
        row = self.landing.execute(
            f"SELECT count(*), sum(hash(found)) FROM ({part.rows}) AS found"
        ).fetchone()
        content = hashlib.sha256(f"{part.after} {part.now} {row}".encode()).hexdigest()[:16]
        return f"oso_raw_{self._own_id()}_{part.table}_{part.now.generation}_{content}"

    def _own_id(self) -> str:
        """Return what no other embedded database has, whose loads have the same numbers."""
        row = self.landing.execute("SELECT id FROM raw._sender").fetchone()
        if row is None:
            row = (secrets.token_hex(4),)
            self.landing.execute(f"INSERT INTO raw._sender VALUES ({literal(row[0])})")
        return str(row[0])

    def _tables(self) -> list[str]:
        rows = self.landing.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
            " AND schema_name = 'raw' AND NOT starts_with(table_name, '_') ORDER BY 1"
        ).fetchall()
        return [row[0] for row in rows]

    def _sent(self, table: str) -> Sent:
        row = self.landing.execute(
            "SELECT generation, load_id, row_count, shape FROM raw._sent"
            f" WHERE raw_table = {literal(table)}"
        ).fetchone()
        return Sent(*row) if row else Sent()

    def _now(self, table: str) -> Sent:
        row = self.landing.execute(
            f'SELECT 0, coalesce(max(_load_id), -1), count(*) FROM raw."{table}"'
        ).fetchone()
        described = self.landing.execute(f'DESCRIBE raw."{table}"').fetchall()
        shape = ", ".join(f"{name} {kind}" for name, kind, *_ in described)
        generation, load_id, row_count = row or (0, -1, 0)
        # A table without rows is made by the plan.
        return Sent(generation, load_id, row_count, shape if row_count else "")

    def _count(self, table: str) -> int:
        found = self.jobs.table(f"{self.project}.raw.{table}")
        return int(found.num_rows or 0) if found else 0

    def _keep(self, table: str, sent: Sent) -> None:
        name = literal(table)
        values = f"{sent.generation}, {sent.load_id}, {sent.row_count}, {literal(sent.shape)}"
        self.landing.execute("BEGIN")
        self.landing.execute(f"DELETE FROM raw._sent WHERE raw_table = {name}")
        self.landing.execute(f"INSERT INTO raw._sent VALUES ({name}, {values}, now())")
        self.landing.execute("COMMIT")


def _whole(table: str, before: Sent, now: Sent) -> Part:
    anew = Sent(before.generation + 1, now.load_id, now.row_count, now.shape)
    return Part(table, -1, anew, is_whole=True)


def _config(part: Part) -> LoadJobConfig:
    """Return how rows are loaded; a table of events is laid out by their time, so that a day costs a day."""
    config = LoadJobConfig(
        source_format="PARQUET",
        write_disposition="WRITE_EMPTY" if part.is_whole else "WRITE_APPEND",
    )
    config.parquet_options = ParquetOptions.from_api_repr({"enableListInference": True})
    column = _times().get(part.table)
    if part.is_whole and column:
        config.time_partitioning = TimePartitioning(type_="MONTH", field=column)
        config.clustering_fields = [column]
    return config


def _times() -> Mapping[str, str]:
    """Return the column of our own raw tables that says when something happened."""
    return {
        table_name(source.name, stream.name): stream.cursor_field
        for source in own_sources()
        for stream in source.streams({})
        if stream.cursor_field
        and columns(stream.json_schema).get(stream.cursor_field) == "TIMESTAMPTZ"
    }
