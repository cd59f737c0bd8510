"""What is written down of builds beside the raw rows, and what collectors landed since the last whole one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

import duckdb

from oso_processors.building import Audited

BUILDS = """
CREATE TABLE IF NOT EXISTS raw._builds (
  load_id BIGINT, built_at TIMESTAMPTZ, model_count BIGINT, audit_count BIGINT, failures VARCHAR[]
)
"""
AUDITS = """
CREATE TABLE IF NOT EXISTS raw._audits (
  model VARCHAR, position BIGINT, audit VARCHAR, starts_at TIMESTAMPTZ, ends_at TIMESTAMPTZ,
  passed BOOLEAN, bad_rows BIGINT, milliseconds BIGINT, audited_at TIMESTAMPTZ
)
"""


@dataclass(frozen=True, slots=True)
class BuildLedger:
    """The ledger of the database ``catalog``, in which collectors land."""

    connection: duckdb.DuckDBPyConnection
    catalog: str

    def create(self) -> None:
        """Make the tables of the ledger where they are missing."""
        self.connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
        self.connection.execute(BUILDS)
        self.connection.execute(AUDITS)

    def landed(self) -> int:
        """Return the newest batch that collectors landed; 0 before the first."""
        if not self.has_table("_loads"):
            return 0
        row = self.connection.execute("SELECT COALESCE(MAX(load_id), 0) FROM raw._loads").fetchone()
        return int(row[0]) if row else 0

    def last_failures(self) -> dict[str, str]:
        """Return what failed in the last build, by model."""
        if not self.has_table("_builds"):
            return {}
        row = self.connection.execute(
            # A clock may be set back; rows are never taken out of the table alone.
            "SELECT failures FROM raw._builds ORDER BY rowid DESC LIMIT 1"
        ).fetchone()
        return dict(line.split(": ", 1) for line in (row[0] if row else []))

    def record(
        self,
        landed: int | None,
        model_count: int,
        audits: Sequence[Audited],
        failures: Sequence[str],
    ) -> None:
        """Write down a build; ``landed`` is None when it failed."""
        self.connection.execute(
            "INSERT INTO raw._builds VALUES (?, now(), ?, ?, ?)",
            [landed, model_count, len(audits), list(failures)],
        )
        if landed is not None and self.has_table("_rewritten"):
            self.connection.execute("DELETE FROM raw._rewritten")
        self._record_audits(audits)

    def changed_tables(self) -> list[str]:
        """Return the tables that got rows since the last whole build."""
        if not self.has_table("_loads"):
            return []
        rows = self.connection.execute(
            "SELECT DISTINCT source || '__' || stream FROM raw._loads WHERE load_id > ?",
            [self._built_to()],
        ).fetchall()
        return sorted(row[0] for row in rows)

    def rewritten_tables(self) -> list[tuple[str, datetime]]:
        """Return the tables of which rows were rewritten since the last whole build, with the first."""
        if not self.has_table("_rewritten"):
            return []
        return self.connection.execute(
            "SELECT raw_table, COALESCE(since, TIMESTAMPTZ '1970-01-01 00:00:00Z') FROM raw._rewritten"
        ).fetchall()

    def first_of(self, raw_table: str, column: str) -> datetime | None:
        """Return the first time of the rows that a raw table got since the last whole build."""
        row = self.connection.execute(
            f'SELECT MIN("{column}") FROM raw."{raw_table}" WHERE _load_id > ?', [self._built_to()]
        ).fetchone()
        return row[0] if row else None

    def has_table(self, name: str) -> bool:
        """Say whether the schema raw has a table."""
        found = self.connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'raw'"
            " AND table_name = ?",
            [self.catalog, name],
        ).fetchone()
        return found is not None

    def _built_to(self) -> int:
        """Return the newest batch that the last whole build had seen."""
        row = self.connection.execute(
            "SELECT COALESCE(MAX(load_id), 0) FROM raw._builds"
        ).fetchone()
        return int(row[0]) if row else 0

    def _record_audits(self, audits: Sequence[Audited]) -> None:
        """Write down each audit of this build, in place of what it said of the same interval before."""
        rows = [astuple(each) for each in audits]
        if not rows:
            return
        self.connection.execute("CREATE OR REPLACE TEMP TABLE audited AS FROM raw._audits LIMIT 0")
        self.connection.executemany(
            "INSERT INTO audited VALUES (?, ?, ?, ?, ?, ?, ?, ?, now())", rows
        )
        keys = "model, position, starts_at, ends_at"
        self.connection.execute("BEGIN")
        self.connection.execute(
            f"DELETE FROM raw._audits WHERE ({keys}) IN (SELECT ({keys}) FROM audited)"
        )
        self.connection.execute("INSERT INTO raw._audits FROM audited")
        self.connection.execute("COMMIT")
