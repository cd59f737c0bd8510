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
# What no sample has: a history read again, authors whom a repository tells apart though links join them,
# accounts without a number, bots that were none the same day, payments taken back and givers who hide.
DISTURBED = """
INSERT INTO raw.git_history__commits BY NAME
  SELECT * REPLACE (_load_id + 1000 AS _load_id, author_email_sha256 AS author_canon_email_sha256)
  FROM raw.git_history__commits WHERE hash(sha, 'again') % 10 = 0;
UPDATE raw.git_history__commits SET author_canon_email_sha256 = others.address
  FROM (
    SELECT author_email_sha256 AS address, row_number() OVER (ORDER BY author_email_sha256) AS number
    FROM raw.git_history__commits GROUP BY author_email_sha256
  ) AS others
  WHERE hash(sha, 'mailmap') % 900 = 0 AND others.number = 1 + hash(sha, 'whose') % 25;
UPDATE raw.git_history__commits SET author_noreply_id = 5000000 + hash(sha, 'whom') % 60
  WHERE hash(sha, 'noreply') % 700 = 0;
UPDATE raw.gharchive__events SET actor_id = NULL WHERE hash(id, 'nameless') % 20 = 0;
UPDATE raw.gharchive__events SET actor_login = actor_login || '[bot]' WHERE hash(id, 'bot') % 30 = 0;
UPDATE raw.open_collective__transactions SET is_refunded = TRUE WHERE hash(id, 'refunded') % 9 = 0;
UPDATE raw.open_collective__transactions
  SET from_slug = NULL, from_parent_slug = NULL, from_person_sha256 = sha256(id) WHERE hash(id, 'giver') % 9 = 0;
"""


def run(home: Path, *command: object) -> None:
    environment = {**os.environ, "OSO_HOME": str(home)}
    subprocess.run(list(map(str, command)), cwd=PROJECT, env=environment, check=True)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Our warehouse as `oso`, and what was computed by hand as `hand`, from the same sample."""
    home, place = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("hand")
    size = ("--events", 4000, "--days", 45, "--projects", 40, "--eras")
    run(home, OSO, "sample", "--to", place / "sample", *size)
    # Calls of contracts are not computed by hand.
    shutil.rmtree(place / "sample" / "onchain")
    run(home, OSO, "collect", "--from", place / "sample")
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute(DISTURBED)
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


def test_links_that_a_repository_contradicts_are_among_them(
    both: duckdb.DuckDBPyConnection,
) -> None:
    found = both.execute(
        "SELECT amount > 0 FROM oso.marts.identity_v1 WHERE measure = 'contradicted_links'"
    ).fetchall()

    assert found == [(True,)]
