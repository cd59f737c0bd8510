"""The models against the same tables computed by hand: other SQL, other keys, and no word of theirs in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

pytestmark = pytest.mark.long
PROJECT = Path(__file__).parents[1]
BENCHMARK = PROJECT / "benchmarks" / "metrics"
OSO = str(Path(sys.executable).parent / "oso")


def run(home: Path, *command: object) -> None:
    environment = {**os.environ, "OSO_HOME": str(home)}
    subprocess.run(list(map(str, command)), cwd=PROJECT, env=environment, check=True)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Our warehouse as `oso`, and what was computed by hand as `hand`, from the same sample."""
    home, place = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("hand")
    size = ("--events", 4000, "--days", 45, "--projects", 40, "--eras")
    run(home, OSO, "sample", "--to", place / "sample", *size)
    run(home, OSO, "collect", "--from", place / "sample")
    database, catalogue = place / "hand.duckdb", place / "catalogue.parquet"
    shutil.copy(home / "warehouse.duckdb", database)
    run(home, sys.executable, BENCHMARK / "inputs.py", "catalogue", catalogue)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    seeds = PROJECT / "seeds"
    run(home, sys.executable, BENCHMARK / "sides.py", "limit", database, today, catalogue, seeds)
    run(home, sys.executable, BENCHMARK / "sides.py", "ours")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{home / 'warehouse.duckdb'}' AS oso (READ_ONLY)")
        connection.execute(f"ATTACH '{database}' AS hand (READ_ONLY)")
        yield connection


def tables(both: duckdb.DuckDBPyConnection, database: str, schema: str) -> list[str]:
    rows = both.execute(
        "SELECT DISTINCT table_name FROM information_schema.tables"
        f" WHERE table_catalog = '{database}' AND table_schema = '{schema}' ORDER BY 1"
    ).fetchall()
    return [name for (name,) in rows]


def test_every_published_table_is_computed_by_hand_too(both: duckdb.DuckDBPyConnection) -> None:
    assert tables(both, "hand", "published") == tables(both, "oso", "marts")


def test_the_models_publish_the_rows_that_are_computed_by_hand(
    both: duckdb.DuckDBPyConnection,
) -> None:
    different = {}
    for name in tables(both, "oso", "marts"):
        columns = ", ".join(row[0] for row in both.execute(f"DESCRIBE oso.marts.{name}").fetchall())
        sides = (
            f"SELECT {columns} FROM oso.marts.{name}",
            f"SELECT {columns} FROM hand.published.{name}",
        )
        for one, other in (sides, sides[::-1]):
            rows = both.execute(f"{one} EXCEPT ALL {other} LIMIT 3").fetchall()
            if rows:
                different[one] = rows

    assert different == {}
