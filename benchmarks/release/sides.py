"""The sides of the benchmark, each a program of its own: `python sides.py SIDE DSN SOURCE`.

The programs of others run in their own environment, so that nothing of ours is imported on top.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

DAY = date(2024, 1, 1)
# The types of what is published: floats and JSON are refused there, so a decimal and a text stand for
# them.
WAREHOUSE = """
CREATE TABLE rows AS SELECT
  substr(sha256('m' || i % 500), 1, 44) AS metric_id,
  substr(sha256('e' || i), 1, 44) AS entity_id,
  TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL 1 SECOND * (i % 86400) AS at,
  (DATE '2024-01-01' + (i // {day_rows})::INT) AS day,
  'a note of no use ' || i % 1000 AS note,
  CAST(i * 0.123456789 AS DECIMAL(38, 9)) AS amount,
  i AS number,
  '{{"kind": "' || i % 7 || '", "n": ' || i || '}}' AS body,
  ['one', 'two' || i % 10] AS words,
  TIMESTAMPTZ '2024-06-01 00:00:00+00' + INTERVAL 1 MICROSECOND * i AS seen_at
FROM range({rows}) AS t(i);
CREATE TABLE builds AS SELECT 'first' AS name, min(day) AS first, max(day) AS last FROM rows;
"""
CREATE = """
CREATE TABLE rows (metric_id text, entity_id text, at timestamptz, day date, note text,
  amount numeric(38,9), number bigint, body text, words varchar[], seen_at timestamptz)
"""
AS_CSV = "SELECT * REPLACE ('{' || array_to_string(words, ',') || '}' AS words) FROM rows"
LIMITS = "SET memory_limit = '512MB'; SET TimeZone = 'UTC'; SET preserve_insertion_order = false"


def command(side: str, dsn: str, source: Path) -> list[str]:
    """Return the arguments that run a side."""
    return [str(Path(__file__)), side, dsn, str(source)]


def server_copy(dsn: str, source: str) -> None:
    """Let the server read a file that lies ready."""
    import psycopg

    with psycopg.connect(dsn) as connection:
        connection.execute(CREATE)
        connection.execute(f"COPY rows FROM '{source}' (FORMAT csv)")


def copy(dsn: str, source: str) -> None:
    """Move the rows as a release does, and do nothing else of it."""
    import duckdb
    import psycopg
    from psycopg.sql import Identifier

    from oso_processors.stores.copying import copy as copy_rows

    with duckdb.connect(source, read_only=True) as warehouse, psycopg.connect(dsn) as connection:
        warehouse.execute(LIMITS)
        connection.execute(CREATE)
        copy_rows(warehouse, "FROM rows", connection, Identifier("rows"))


def release(dsn: str, source: str) -> None:
    """Make a release of the table, in Postgres alone."""
    import duckdb

    from oso_processors.days import Span
    from oso_processors.progress import Progress
    from oso_processors.release import Wish
    from oso_processors.release import release as make
    from oso_processors.stores.postgres import PostgresStore
    from oso_processors.tables import Builds, Column, Table

    with duckdb.connect(source) as warehouse:
        warehouse.execute(LIMITS)
        described = warehouse.execute("DESCRIBE rows").fetchall()
        built = warehouse.execute("FROM builds").fetchall()
        table = Table(
            "rows",
            "marts.rows",
            "FROM rows",
            tuple(Column(row[0], row[1], "A column.") for row in described),
            ("day", "entity_id", "metric_id"),
            "One row is a row.",
            "1",
            Builds("day", {name: Span(first, last) for name, first, last in built}),
        )
        wish = Wish(table, {"postgres": {"partition_by": "day"}}, {"owner": "me"})
        store = PostgresStore(dsn)
        make(warehouse, [wish], [store], {}, Progress(quiet=True))
        store.close()


def adbc(dsn: str, source: str) -> None:
    """Let ADBC take the rows of DuckDB as Arrow."""
    import duckdb
    from adbc_driver_postgresql import dbapi

    with (
        duckdb.connect(source, read_only=True) as warehouse,
        dbapi.connect(_url(dsn)) as connection,
        connection.cursor() as cursor,
    ):
        warehouse.execute(LIMITS)
        # It cannot write into a column of decimals; as a text each is what it was.
        rows = warehouse.execute("SELECT * REPLACE (amount::VARCHAR AS amount) FROM rows")
        cursor.adbc_ingest("rows", rows.to_arrow_reader(100_000), mode="create")
        connection.commit()


def dlt(dsn: str, source: str) -> None:
    """Let dlt take the rows of DuckDB as Arrow."""
    import dlt as tool
    import duckdb

    with duckdb.connect(source, read_only=True) as warehouse:
        warehouse.execute(LIMITS)
        # It makes JSON of lists, which ADBC, by which it loads, cannot write.
        listed = "SELECT * REPLACE (array_to_string(words, ',') AS words) FROM rows"
        rows = warehouse.execute(listed).to_arrow_reader(100_000)
        pipeline = tool.pipeline(
            "benchmark",
            destination=tool.destinations.postgres(_url(dsn)),
            dataset_name="public",
            pipelines_dir=str(Path(source).parent / "dlt"),
        )
        pipeline.run(rows, table_name="rows", loader_file_format="parquet")


def _url(dsn: str) -> str:
    parts = dict(part.split("=", 1) for part in dsn.split())
    # dlt wants a password and a host; the server asks for none, and the last host counts.
    place = f"{parts['user']}:none@localhost/{parts['dbname']}"
    return f"postgresql://{place}?host={parts['host']}"


if __name__ == "__main__":
    {"server-copy": server_copy, "copy": copy, "release": release, "adbc": adbc, "dlt": dlt}[
        sys.argv[1]
    ](*sys.argv[2:])
