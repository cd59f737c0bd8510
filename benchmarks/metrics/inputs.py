"""What the sides start from, and what changes between two builds; each command a process of its own.

`python inputs.py made HOME EVENTS DAYS PROJECTS` collects the small sources of a sample and makes the large ones,
`day HOME EVENTS DAYS PROJECTS` lands one more day, `directory HOME COUNT` moves artifacts of so many projects,
`catalogue FILE` writes what the metrics' files say of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from rows import Scale, fill

from oso_processors.collectors.raw_tables import create_statements

OSO = str(Path(sys.executable).parent / "oso")
# Their size is that of the directory, whatever the number of events.
SMALL = (
    "oss_directory",
    "oss_funding",
    "open_collective",
    "registries",
    "open_dev_data",
    "dependency_graph",
)
CATALOGUE = """
COPY (
  SELECT
    name AS metric, display_name, description, unit, basis, sql, path,
    empty = 'zero' AND NOT starts_with(name, 'change_in_') AS is_zero_where_empty
  FROM found
) TO '{}' (FORMAT parquet)
"""
# The first repository of each project goes to the next project, as when a list is put right.
MOVED = """
UPDATE raw.oss_directory__project_artifacts AS moved
SET project_name = following.name, _load_id = {load}
FROM (
  SELECT name, lag(name) OVER (ORDER BY name) AS before
  FROM (SELECT DISTINCT project_name AS name FROM raw.oss_directory__project_artifacts)
) AS following
WHERE following.before = moved.project_name AND artifact_source = 'GITHUB' AND moved.project_name IN (
  SELECT DISTINCT project_name FROM raw.oss_directory__project_artifacts
  WHERE artifact_source = 'GITHUB' ORDER BY hash(project_name) LIMIT {count})
"""


def made(home: str, events: str, days: str, projects: str) -> None:
    """Make the raw tables of a first build."""
    folder = Path(home)
    size = ["--events", "1000", "--days", "1", "--projects", projects]
    environment = {**os.environ, "OSO_HOME": home}
    for command in (
        [OSO, "sample", "--to", str(folder / "sample"), *size],
        [OSO, "collect", "--from", str(folder / "sample"), *SMALL],
    ):
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    scale = Scale(int(events), int(days), int(projects))
    with _opened(home) as connection:
        for statement in create_statements():
            connection.execute(statement)
        fill(connection, scale, 0, scale.days, _next_load(connection))


def day(home: str, events: str, days: str, projects: str) -> None:
    """Land the day after the last."""
    scale = Scale(int(events), int(days), int(projects))
    with _opened(home) as connection:
        fill(connection, scale, scale.days, scale.days + 1, _next_load(connection))


def directory(home: str, count: str) -> None:
    """Land a directory in which repositories of ``count`` projects belong to other projects."""
    with _opened(home) as connection:
        load = _next_load(connection)
        connection.execute(MOVED.format(load=load, count=count))
        connection.execute(
            "INSERT INTO raw._loads VALUES (?, 'oss_directory', 'project_artifacts', 0, ?)",
            [load, datetime.now(UTC)],
        )


def catalogue(path: str) -> None:
    """Write the catalogue of metrics as a table."""
    import pyarrow as pa

    sys.path.insert(0, str(Path(__file__).parents[2]))
    from models.intermediate.catalogue import catalogue as listed
    from models.intermediate.catalogue import changes_of

    found = pa.Table.from_pylist([*listed(), *changes_of(listed())])
    with duckdb.connect() as connection:
        connection.register("found", found)
        connection.execute(CATALOGUE.format(path))


def _opened(home: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(Path(home) / "warehouse.duckdb"))
    connection.execute("SET memory_limit = '4GB'; SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    return connection


def _next_load(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("SELECT coalesce(max(load_id), 0) + 1 FROM raw._loads").fetchone()
    return int(row[0]) if row else 1


if __name__ == "__main__":
    {"made": made, "day": day, "directory": directory, "catalogue": catalogue}[sys.argv[1]](
        *sys.argv[2:]
    )
