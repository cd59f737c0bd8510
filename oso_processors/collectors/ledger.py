"""What is written down beside the rows, in their transaction: states, loads, gaps and rejects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import duckdb

from oso_processors.collectors.batch import Reference
from oso_processors.collectors.careful import Reject
from oso_processors.collectors.landing import Landing
from oso_processors.collectors.raw_tables import table_name
from oso_processors.sql import literal


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what the block does, or nothing of it."""
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A commit that failed has ended the transaction itself.
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise


def sent_anew(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Let all of a raw table, whose rows were rewritten, be sent to BigQuery again, if it ever was."""
    there = "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name = '_sent'"
    if connection.execute(there).fetchone():
        connection.execute(
            f"UPDATE raw._sent SET row_count = -1 WHERE raw_table = {literal(table)}"
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledgers of one source."""

    connection: duckdb.DuckDBPyConnection
    source: str

    def states(self) -> dict[str, str]:
        """Return the stored state of each stream, as JSON."""
        sql = f"SELECT stream, state FROM raw._state WHERE source = {literal(self.source)}"
        return dict(self.connection.execute(sql).fetchall())

    def next_load(self) -> int:
        """Return the number of the load to come."""
        found = self.connection.execute("SELECT COALESCE(MAX(load_id), 0) + 1 FROM raw._loads")
        row = found.fetchone()
        return int(row[0]) if row else 1

    def keep_state(self, stream: str, state: str) -> None:
        """Write down how far a stream is."""
        key = f"source = {literal(self.source)} AND stream = {literal(stream)}"
        self.connection.execute(f"DELETE FROM raw._state WHERE {key}")
        values = ", ".join(map(literal, (self.source, stream, state)))
        self.connection.execute(f"INSERT INTO raw._state VALUES ({values}, now())")

    def keep_load(self, load_id: int, stream: str, rows: int) -> None:
        """Write down that a stream got rows."""
        values = ", ".join(map(literal, (load_id, self.source, stream, rows)))
        self.connection.execute(f"INSERT INTO raw._loads VALUES ({values}, now())")

    def set_aside(self, landing: Landing, file_tables: Collection[str], load_id: int) -> None:
        """Write down what a landing refused; a file refused whole is also a gap, and was not collected."""
        rejects = list(landing.rejects)
        for reference, reason in landing.damaged:
            file = reference.relative_path or reference.path
            rejects.append(Reject(file, "the whole file", reason, ""))
            self._insert_gap(landing.stream.name, reference, reason, load_id)
            for table in file_tables:
                sql = f"DELETE FROM {table} WHERE _load_id = ? AND file = ?"
                self.connection.execute(sql, [load_id, file])
        self._insert_rejects(rejects, load_id)

    def count(self, stream: str, load_id: int) -> int:
        """Return how many rows of a load a stream's table has."""
        table = table_name(self.source, stream)
        own = "" if table != stream else f" AND source = {literal(self.source)}"
        sql = f'SELECT COUNT(*) FROM raw."{table}" WHERE _load_id = {load_id}{own}'
        row = self.connection.execute(sql).fetchone()
        return int(row[0]) if row else 0

    def _insert_rejects(self, rejects: Sequence[Reject], load_id: int) -> None:
        if rejects:
            self.connection.execute(
                "INSERT INTO raw.rejects BY NAME SELECT $source AS source, unnest($files) AS file,"
                " unnest($places) AS place, unnest($reasons) AS reason, unnest($values) AS value,"
                " $load AS _load_id, now() AS _extracted_at",
                {
                    "source": self.source,
                    "files": [each.file for each in rejects],
                    "places": [each.place for each in rejects],
                    "reasons": [each.reason for each in rejects],
                    "values": [each.value for each in rejects],
                    "load": load_id,
                },
            )

    def _insert_gap(self, stream: str, reference: Reference, reason: str, load_id: int) -> None:
        hour = reference.columns.get("hour")
        self.connection.execute(
            "INSERT INTO raw.gaps VALUES"
            " (?, ?, ?::TIMESTAMPTZ, ?::TIMESTAMPTZ + INTERVAL 1 HOUR, ?, ?, ?, now())",
            [self.source, stream, hour, hour, reason, reference.relative_path, load_id],
        )
