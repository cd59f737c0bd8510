"""What the sources lack, as the table `_gaps` tells it: what collectors missed, and what hours left out.

An hour that was missing and came later is missing no more. Hours in a row with the same lack are a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import duckdb

from oso_processors.errors import UnknownModel
from oso_processors.tables import Column, Table

# Name, model and columns of an output; gives the warehouse's table of it.
Describe = Callable[[str, str, tuple[str, ...]], Table]
NEEDED = frozenset({"staging.github_hours", "staging.github_events"})
TOLD = """
SELECT source, stream, started_at, ended_at, reason, split_part(detail, ': ', 1) AS subject
FROM raw.gaps
"""
# What no hour of GH Archive can be collected for again.
OTHERS = f"""
SELECT * FROM ({TOLD})
WHERE source <> 'gharchive' OR stream <> 'events' OR started_at IS NULL
"""
# Where hours and pushes are told: by the models, or by what was brought of them where they lie elsewhere.
MISSING = f"""
SELECT reason, subject, hour FROM (
  SELECT DISTINCT reason, subject,
    unnest(generate_series(started_at, ended_at - INTERVAL 1 HOUR, INTERVAL 1 HOUR)) AS hour
  FROM ({TOLD}) WHERE source = 'gharchive' AND stream = 'events'
) AS missing
ANTI JOIN {{hours}} AS collected ON collected.collected_hour = missing.hour
"""
HOURS = f"""
WITH lacking AS (
  {MISSING}
  UNION ALL
  SELECT 'pushes list no commits', form, collected_hour
  FROM {{hours}} WHERE NOT has_commits
  UNION ALL
  SELECT 'closed pull requests do not tell whether they were merged', form, collected_hour
  FROM {{hours}} WHERE NOT has_merges
  UNION ALL
  SELECT 'events do not tell which issue or pull request they are about', form, collected_hour
  FROM {{hours}} WHERE NOT has_threads
), numbered AS (
  SELECT *, row_number() OVER (PARTITION BY reason, subject ORDER BY hour) AS number FROM lacking
)
SELECT 'gharchive' AS source, 'events' AS stream, min(hour) AS started_at,
  max(hour) + INTERVAL 1 HOUR AS ended_at, reason, subject
FROM numbered GROUP BY reason, subject, hour - number * INTERVAL 1 HOUR
"""
PUSHES = """
SELECT 'gharchive', 'events', CAST(day AS TIMESTAMP) AT TIME ZONE 'UTC',
  CAST(day + INTERVAL 1 DAY AS TIMESTAMP) AT TIME ZONE 'UTC',
  'pushes list fewer commits than they have', format('{{}} pushes, {{}} commits', pushes, commits)
FROM {pushes}
"""
# Days are days in UTC.
OF_MODELS = {
    "hours": "staging.github_hours",
    "pushes": "(SELECT CAST(created_at AT TIME ZONE 'UTC' AS DATE) AS day, count(*) AS pushes,"
    " sum(unlisted_commit_count) AS commits FROM staging.github_events"
    " WHERE unlisted_commit_count > 0 GROUP BY ALL)",
}
HOURS_COLUMNS = ("collected_hour", "form", "has_commits", "has_merges", "has_threads")
DAYS_OF_PUSHES = tuple(Column(name, "BIGINT", "") for name in ("pushes", "commits"))
UNLISTED = """
SELECT CAST(created_at AS DATE) AS day, count(*) AS pushes,
  CAST(sum(unlisted_commit_count) AS BIGINT) AS commits
FROM ({events}) AS events WHERE unlisted_commit_count > 0 GROUP BY 1
"""
BROUGHT = {"hours": "release.github_hours", "pushes": "release.unlisted_pushes"}


def bring(connection: duckdb.DuckDBPyConnection, describe: Describe) -> None:
    """Bring what gaps are told from here, where models lie elsewhere."""
    try:
        hours = describe("_gaps", "staging.github_hours", HOURS_COLUMNS)
        events = describe("_gaps", "staging.github_events", ("created_at", "unlisted_commit_count"))
    except UnknownModel:
        return
    pushes = replace(events, columns=(Column("day", "DATE", ""), *DAYS_OF_PUSHES))
    found = {
        "hours": (hours, hours.query),
        "pushes": (pushes, UNLISTED.format(events=events.query)),
    }
    connection.execute("CREATE SCHEMA IF NOT EXISTS release")
    for name, (table, query) in found.items():
        if table.elsewhere is not None:
            rows = table.elsewhere.here(table, query)
            connection.execute(f"CREATE OR REPLACE TABLE {BROUGHT[name]} AS {rows}")


def gaps_query(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the query of `_gaps`; None where nothing was ever collected."""
    there = _there(connection)
    if "raw.gaps" not in there:
        return None
    told = _told(there)
    parts = (OTHERS, HOURS.format(**told), PUSHES.format(**told)) if told else (TOLD,)
    listed = " UNION ALL ".join(f"({each})" for each in parts)
    return (
        "SELECT row_number() OVER () AS gap, * FROM"
        f" (SELECT DISTINCT * FROM ({listed}) ORDER BY ALL)"
    )


def missing_query(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the query of source, started_at and ended_at of what is missing still, or None likewise."""
    there = _there(connection)
    if "raw.gaps" not in there:
        return None
    told = _told(there)
    if not told:
        return "SELECT DISTINCT source, started_at, ended_at FROM raw.gaps"
    hours = (
        "SELECT 'gharchive' AS source, hour AS started_at, hour + INTERVAL 1 HOUR AS ended_at"
        f" FROM ({MISSING.format(**told)})"
    )
    return f"SELECT DISTINCT source, started_at, ended_at FROM ({OTHERS}) UNION {hours}"


def counted_query(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the query of source, reason and count of what is missing still, or None likewise.

    An hour counts once, however often it was asked for; so does anything else that is known by its time.
    """
    there = _there(connection)
    if "raw.gaps" not in there:
        return None
    missing = f"SELECT DISTINCT * FROM ({TOLD})"
    if told := _told(there):
        missing = MISSING.format(**told)
        hours = f"SELECT DISTINCT 'gharchive' AS source, reason, hour FROM ({missing})"
        missing = (
            f"SELECT source, reason FROM (SELECT DISTINCT * FROM ({OTHERS}))"
            f" UNION ALL SELECT source, reason FROM ({hours})"
        )
    return f"SELECT source, reason, count(*) AS count FROM ({missing}) GROUP BY ALL ORDER BY ALL"


def _told(there: set[str]) -> dict[str, str]:
    """Return where hours and pushes are told; nothing where nobody tells."""
    if there >= NEEDED:
        return OF_MODELS
    return BROUGHT if there >= set(BROUGHT.values()) else {}


def _there(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names of all tables and views."""
    found = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database()"
        " UNION ALL SELECT schema_name, view_name FROM duckdb_views()"
        " WHERE database_name = current_database()"
    ).fetchall()
    return {f"{schema}.{name}" for schema, name in found}
