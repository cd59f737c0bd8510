"""What it costs to publish a table in Postgres, side by side with others, in one run. See README.md.

CPU seconds are those of a client and of the server's processes, as the operating system counts them.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

import duckdb
import psycopg
from sides import AS_CSV, DAY, WAREHOUSE, command

from oso_processors.stores.local_postgres import serving

TICKS = os.sysconf("SC_CLK_TCK")
# Postgres writes down later what it promised; each side pays for its own.
SETTLE = "CHECKPOINT"
MAKE = """
import duckdb, sys
with duckdb.connect(sys.argv[1]) as connection:
    connection.execute("SET enable_progress_bar = false")
    for statement in sys.argv[2:]:
        connection.execute(statement)
"""


@dataclass(frozen=True)
class Figures:
    """What one run of a side took: CPU seconds of both ends, and the client's largest memory."""

    client: float
    server: float
    wall: float
    peak_mb: int
    wal_mb: float

    @property
    def cpu(self) -> float:
        """All CPU seconds."""
        return self.client + self.server


def main() -> None:
    """Make the rows, run the sides in turn, and print their tables."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="oso-benchmark-", dir=options.scratch) as scratch:
        place = Path(scratch)
        place.chmod(0o755)
        with serving(place / "postgres") as dsn:
            server = int((place / "postgres" / "postmaster.pid").read_text().split()[0])
            _whole(place, dsn, server, options)
            _days(place, dsn, server, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--day-rows", type=int, default=10_000, help="rows of a day")
    parser.add_argument("--days", type=int, nargs=2, default=(10, 1000))
    parser.add_argument("--others", help="a Python of an environment with others.txt in it")
    parser.add_argument("--scratch", help="a folder with room for five times the rows")
    return parser.parse_args()


def _whole(place: Path, dsn: str, server: int, options: argparse.Namespace) -> None:
    """Publish a table of many rows for the first time."""
    database = place / "rows.duckdb"
    csv = place / "rows.csv"
    _make(database, options.rows, options.rows, csv)
    csv.chmod(0o644)
    print(_machine(dsn, csv, options.rows))
    ours, theirs = sys.executable, options.others
    sides = {
        "server-side COPY of a CSV file": (ours, "server-copy", csv),
        "our copy": (ours, "copy", database),
        "our release: measured, copied, indexed, read back, switched": (ours, "release", database),
    }
    if theirs:
        sides |= {"ADBC": (theirs, "adbc", database), "dlt": (theirs, "dlt", database)}
    print("\n## All rows, for the first time\n")
    _compare(sides, dsn, server, options)
    csv.unlink()
    database.unlink()


def _days(place: Path, dsn: str, server: int, options: argparse.Namespace) -> None:
    """Publish one more day on top of few and of many, and then nothing."""
    found: dict[str, Figures] = {}
    for count in options.days:
        _renewed(dsn)
        database = place / f"days-{count}.duckdb"
        _make(database, options.day_rows * count, options.day_rows)
        first = (sys.executable, "release", database)
        _measured(first, dsn, server)
        with duckdb.connect(str(database)) as connection:
            last = DAY + timedelta(days=count - 1)
            connection.execute(f"UPDATE rows SET amount = amount + 1 WHERE day = DATE '{last}'")
            connection.execute(f"INSERT INTO builds VALUES ('again', DATE '{last}', DATE '{last}')")
        found[f"one day of {count:,}"] = _measured(first, dsn, server)
        found[f"nothing of {count:,}"] = _measured(first, dsn, server)
        database.unlink()
    print("\n## One changed day, and nothing\n")
    _print(found)


def _make(database: Path, rows: int, day_rows: int, csv: Path | None = None) -> None:
    """Make the rows in a process of its own: a child counts the memory of whom it was forked from."""
    made = WAREHOUSE.format(rows=rows, day_rows=day_rows)
    exported = f"COPY ({AS_CSV}) TO '{csv}' (FORMAT csv, HEADER false)" if csv else "SELECT 1"
    subprocess.run([sys.executable, "-c", MAKE, str(database), made, exported], check=True)


def _renewed(dsn: str) -> None:
    """Leave nothing of the side before."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS store CASCADE")
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute(SETTLE)


def _compare(
    sides: Mapping[str, tuple[str, str, Path]], dsn: str, server: int, options: argparse.Namespace
) -> None:
    for _ in range(options.rounds):
        found = {}
        for name, side in sides.items():
            _renewed(dsn)
            found[name] = _measured(side, dsn, server)
            _require(dsn, name, options.rows)
        _print(found)


def _require(dsn: str, side: str, rows: int) -> None:
    """End when a side did not do its work."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM public.rows").fetchone()
    if row != (rows,):
        raise SystemExit(f"{side} left {row} rows in place of {rows}")


def _print(found: Mapping[str, Figures]) -> None:
    (base, *_) = found.values()
    print(
        "| side | CPU s | of the client | of the server | ratio | wall s | client's peak MB | WAL MB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, each in found.items():
        print(
            f"| {name} | {each.cpu:.1f} | {each.client:.1f} | {each.server:.1f} |"
            f" {each.cpu / base.cpu:.2f} | {each.wall:.1f} | {each.peak_mb:,} | {each.wal_mb:,.1f} |",
            flush=True,
        )


def _measured(side: tuple[str, str, Path], dsn: str, server: int) -> Figures:
    python, name, source = side
    before, wal, started = _cpu(server), _wal(dsn), monotonic()
    process = subprocess.Popen([python, *command(name, dsn, source)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} ended with exit code {process.returncode}")
    wall = monotonic() - started
    written = _wal(dsn) - wal
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SETTLE)
    sleep(1)  # until the server has waited for what served us
    client = usage.ru_utime + usage.ru_stime
    return Figures(client, _cpu(server) - before, wall, usage.ru_maxrss // 1024, written / 1e6)


def _cpu(server: int) -> float:
    """Return the CPU seconds of the server: of those of its processes that are there, and were."""
    own = _times(server)
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    # A child that ends is counted by the server from then on.
    return (sum(own) + sum(sum(_times(int(pid))[:2]) for pid in children)) / TICKS


def _times(pid: int) -> tuple[int, int, int, int]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, waited_user, waited_system = map(int, fields[11:15])
    return user, system, waited_user, waited_system


def _wal(dsn: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    return int(row[0]) if row else 0


def _machine(dsn: str, csv: Path, rows: int) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return (
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, Postgres"
        f" {row[0] if row else '?'}, {os.cpu_count()} cores; {rows:,} rows,"
        f" {csv.stat().st_size / 1e9:.2f} GB as CSV"
    )


if __name__ == "__main__":
    main()
