"""A warehouse that is built again and again is the one that would be built from the same rows at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

pytestmark = pytest.mark.long
PROJECT = Path(__file__).parents[1]
SIDES = PROJECT / "benchmarks" / "metrics" / "sides.py"
OSO = str(Path(sys.executable).parent / "oso")
LAYERS = ("staging", "intermediate", "metrics", "marts")
# What becomes of raw rows, by what it means; each is a load of its own table.
CHANGES = {
    "a repository of each project goes to another": (
        "oss_directory__project_artifacts",
        "UPDATE raw.oss_directory__project_artifacts AS moved SET project_name = 'of-others', _load_id = {load}"
        " WHERE artifact_source = 'GITHUB' AND hash(project_name) % 5 = 0",
    ),
    "events come late": (
        "gharchive__events",
        "INSERT INTO raw.gharchive__events SELECT * REPLACE (id || 'x' AS id, actor_id + 7 AS actor_id,"
        " {load} AS _load_id) FROM raw.gharchive__events WHERE hash(id) % 50 = 0 AND created_at >"
        " (SELECT max(created_at) - INTERVAL 9 DAY FROM raw.gharchive__events)",
    ),
    "projects leave the directory": (
        "oss_directory__project_artifacts",
        "DELETE FROM raw.oss_directory__project_artifacts WHERE hash(project_name) % 9 = 0",
    ),
    "a history is read again, without its .mailmap": (
        "git_history__commits",
        "INSERT INTO raw.git_history__commits BY NAME SELECT * REPLACE ({load} AS _load_id,"
        " author_email_sha256 AS author_canon_email_sha256) FROM raw.git_history__commits"
        " WHERE hash(sha) % 10 = 0",
    ),
    "addresses join accounts": (
        "git_history__commits",
        "UPDATE raw.git_history__commits SET author_noreply_id = 5000000 + hash(sha) % 60,"
        " _load_id = {load} WHERE hash(sha, 'joined') % 70 = 0",
    ),
    "accounts turn out to be bots": (
        "gharchive__events",
        "UPDATE raw.gharchive__events SET actor_login = actor_login || '[bot]', _load_id = {load}"
        " WHERE hash(id, 'bot') % 200 = 0",
    ),
    "hours are missing": (
        "gharchive__hours",
        "DELETE FROM raw.gharchive__hours WHERE hash(hour) % 300 = 0",
    ),
    "projects leave collections": (
        "oss_directory__collection_projects",
        "DELETE FROM raw.oss_directory__collection_projects WHERE hash(project_name) % 7 = 0",
    ),
    "versions of packages are gone": (
        "registries__packages",
        "DELETE FROM raw.registries__packages WHERE hash(name) % 6 = 0",
    ),
    "grants are corrected": (
        "oss_funding__grants",
        "UPDATE raw.oss_funding__grants SET amount = amount + 1, _load_id = {load} WHERE hash(amount) % 4 = 0",
    ),
}


def run(home: Path, *command: object) -> None:
    environment = {**os.environ, "OSO_HOME": str(home)}
    subprocess.run(list(map(str, command)), cwd=PROJECT, env=environment, check=True)


def build(home: Path) -> None:
    run(home, sys.executable, SIDES, "ours")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that was built from a sample."""
    folder = tmp_path_factory.mktemp("home")
    size = ("--events", 4000, "--days", 45, "--projects", 40, "--eras")
    run(folder, OSO, "sample", "--to", folder / "sample", *size)
    run(folder, OSO, "collect", "--from", folder / "sample")
    build(folder)
    return folder


def load(home: Path, table: str, statement: str) -> None:
    """Change raw rows as a collector does that lands them."""
    source, _, stream = table.partition("__")
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        number = "SELECT max(load_id) + 1 FROM raw._loads"
        (new,) = connection.execute(number).fetchone()
        connection.execute(statement.format(load=new))
        connection.execute(
            "INSERT INTO raw._loads VALUES (?, ?, ?, 0, now())", [new, source, stream]
        )


def built_at_once(home: Path, folder: Path) -> Path:
    """Build a warehouse from the raw rows of another."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{home / 'warehouse.duckdb'}' AS old (READ_ONLY)")
        connection.execute(f"ATTACH '{folder / 'warehouse.duckdb'}' AS oso")
        connection.execute("CREATE SCHEMA oso.raw")
        for (name,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'old' AND schema_name = 'raw'"
            " AND table_name NOT IN ('_builds', '_audits')"
        ).fetchall():
            connection.execute(f'CREATE TABLE oso.raw."{name}" AS FROM old.raw."{name}"')
    build(folder)
    return folder


def different(one: Path, other: Path) -> list[str]:
    """Return the tables and views that do not have the same rows in two warehouses."""
    with duckdb.connect() as connection:
        for name, folder in (("one", one), ("other", other)):
            # Views know the warehouse by its own name.
            connection.execute(f"ATTACH '{folder / 'warehouse.duckdb'}' AS oso (READ_ONLY)")
            connection.execute(f"CREATE TABLE {name} (name VARCHAR, rows BIGINT, hashes HUGEINT)")
            for schema, table, columns in connection.execute(
                "SELECT table_schema, table_name, list(column_name ORDER BY column_name)"
                " FROM information_schema.columns WHERE table_catalog = 'oso'"
                f" AND table_schema IN {LAYERS} GROUP BY ALL"
            ).fetchall():
                listed = ", ".join(f'"{column}"' for column in columns)
                connection.execute(
                    f"INSERT INTO {name} SELECT '{schema}.{table}', count(*),"
                    f' sum(hash({listed})::HUGEINT) FROM oso.{schema}."{table}"'
                )
            connection.execute("DETACH oso")
        return connection.execute(
            "SELECT DISTINCT name FROM ((FROM one EXCEPT FROM other)"
            " UNION ALL (FROM other EXCEPT FROM one)) ORDER BY name"
        ).fetchall()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_raw_rows_makes_every_table_what_it_would_be(home, tmp_path, change):
    load(home, *CHANGES[change])

    build(home)

    assert different(home, built_at_once(home, tmp_path)) == []
    shutil.rmtree(tmp_path)
