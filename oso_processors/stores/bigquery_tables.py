"""Tables that models have in BigQuery: measured there, and brought here only where a store needs the rows.

What is brought comes in blocks, so that memory holds a few of them, and lies in a folder until the
release ends: what two stores need is asked for once.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oso_processors import checksum
from oso_processors.days import Span
from oso_processors.sql import literal
from oso_processors.stores import bigquery_measuring
from oso_processors.stores.bigquery_jobs import Jobs, told
from oso_processors.tables import Column, DayRow, Table

KINDS = {
    "text": pa.string(),
    "whole": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "moment": pa.timestamp("us", "UTC"),
    "texts": pa.list_(pa.string()),
}


@dataclass(frozen=True, slots=True)
class Bringing:
    """How rows are brought from BigQuery: its jobs, the folder where they lie, and what was brought."""

    jobs: Jobs
    folder: Path
    brought: dict[str, Path] = field(default_factory=dict)

    def close(self) -> None:
        """Remove what was brought."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def table(self, place: str) -> BigQueryTable:
        """Return the table at ``place``: project, dataset and name with points between."""
        return BigQueryTable(self, place)

    def fetch(self, table: Table, sql: str) -> Path:
        """Return the Parquet file with the rows of ``sql``, which are of the shape of ``table``."""
        found = self.brought.get(sql)
        if found is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            found = self.folder / f"{hashlib.sha256(sql.encode()).hexdigest()[:24]}.parquet"
            with told(table.name):
                _write(found, _schema(table), self.jobs.blocks(sql))
            self.brought[sql] = found
        return found


@dataclass(frozen=True, slots=True)
class BigQueryTable:
    """A model's table in BigQuery."""

    bringing: Bringing
    place: str

    def days(self, table: Table, column: str | None, chosen: Sequence[Span]) -> list[DayRow]:
        """Measure the days there."""
        sql = bigquery_measuring.days(table, column, chosen)
        with told(table.name):
            rows = self.bringing.jobs.query(sql)
        return [_day_row(row) for row in rows]

    def is_unique(self, query: str, grain: Sequence[str]) -> bool:
        """Ask there."""
        source = f"({bigquery_measuring.said(query)})"
        with told(self.place):
            [(answer,)] = self.bringing.jobs.query(bigquery_measuring.is_unique(source, grain))
        return bool(answer)

    def here(self, table: Table, query: str) -> str:
        """Bring the rows here as Parquet."""
        path = self.bringing.fetch(table, bigquery_measuring.rows(table, query))
        listed = ", ".join(f'CAST("{e.name}" AS {e.type}) AS "{e.name}"' for e in table.columns)
        return f"SELECT {listed} FROM read_parquet({literal(path)})"


def _day_row(row: Any) -> DayRow:
    day, count, first, second, byte_count, nul_count = row
    return day, int(count), int(first), int(second), int(byte_count or 0), int(nul_count or 0)


def _write(path: Path, schema: pa.Schema, blocks: Iterator[pa.RecordBatch]) -> None:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for block in blocks:
            writer.write_table(pa.Table.from_batches([block]).select(schema.names).cast(schema))


def _schema(table: Table) -> pa.Schema:
    return pa.schema([(each.name, _arrow(each, table.name)) for each in table.columns])


def _arrow(column: Column, table: str) -> pa.DataType:
    kind = checksum.kind(column, table)
    if kind != "decimal":
        return KINDS[kind]
    found = checksum.DECIMAL.fullmatch(column.type)
    return pa.decimal128(int(found[1]), int(found[2])) if found else pa.decimal128(38, 9)
