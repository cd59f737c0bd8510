"""Models that are wrong, each in a way of its own, and what `oso check` says of them."""

from __future__ import annotations

from pathlib import Path

HEADER = """\
/* One row is an example. */
MODEL (
  name intermediate.{name},
  kind FULL,
  grain {grain},
  audits (
    not_null(columns := (
      {grain}
    ))
  )
);

"""
# The query begins on line 13 of its file.
WRONG = {
    "unknown_column": """\
SELECT
  CAST(project_id AS STRING) AS project_id,
  CAST(project_nam AS STRING) AS project_name
FROM marts.projects_v1
""",
    "other_function": """\
SELECT DISTINCT
  CAST(STRFTIME(sample_date, '%Y-%m') AS STRING) AS month
FROM intermediate.calendar
""",
    "cast_operator": """\
SELECT
  project_id::STRING AS project_id
FROM marts.projects_v1
""",
    "group_by_alias": """\
SELECT
  CAST(types.event_type AS STRING) AS types,
  CAST(COUNT(*) AS INT64) AS event_type
FROM seeds.event_types AS types
GROUP BY
  types.event_type
""",
    "date_and_timestamp": """\
SELECT
  CAST(events.event_id AS STRING) AS event_id
FROM staging.github_events AS events
JOIN intermediate.calendar AS calendar
  ON events.created_at = calendar.activity_date
""",
    "bare_numeric": """\
SELECT
  CAST(project_id AS STRING) AS project_id,
  SAFE_CAST('1.5' AS NUMERIC) AS share
FROM marts.projects_v1
""",
    "with_offset": """\
SELECT
  CAST(events.event_id AS STRING) AS event_id,
  CAST(place AS INT64) AS place
FROM staging.github_events AS events
CROSS JOIN UNNEST(events.commits) AS each WITH OFFSET AS place
""",
    "ambiguous_name": """\
SELECT
  CAST(project_id AS STRING) AS project_id
FROM marts.projects_v1 AS projects
JOIN marts.artifacts_by_project_v1 AS artifacts
  ON artifacts.project_id = projects.project_id
""",
    "argument_order": """\
SELECT DISTINCT
  CAST(FORMAT_DATE(sample_date, '%Y-%m') AS STRING) AS month
FROM intermediate.calendar
""",
    "short_union": """\
SELECT
  CAST(project_id AS STRING) AS project_id,
  CAST(project_name AS STRING) AS project_name
FROM marts.projects_v1
UNION ALL
SELECT
  CAST(collection_id AS STRING) AS project_id
FROM marts.collections_v1
""",
    "wrong_argument_of_macro": """\
SELECT
  CAST(@entity_id('GITHUB', '', project_nam) AS STRING) AS project_id
FROM marts.projects_v1
""",
    "wrong_inside_macro": """\
SELECT
  CAST(event_type AS STRING) AS event_type,
  CAST(@is_bot(is_contribution) AS BOOL) AS is_bot
FROM seeds.event_types
""",
    "only_on_bigquery": """\
SELECT
  CAST(TO_BASE32(CAST(event_type AS BYTES)) AS STRING) AS code
FROM seeds.event_types
""",
    "other_type": """\
SELECT
  CAST(MIN(event_type) AS STRING) AS event_type,
  SUM(IF(is_contribution, 1, 0)) AS contribution_count
FROM seeds.event_types
""",
}
SAID = {
    "unknown_column": ["15:8: Unrecognized name: project_nam; Did you mean project_name?"],
    "other_function": [
        "14:8: Function not found: STRFTIME;"
        " write FORMAT_DATE or FORMAT_TIMESTAMP, with the format first"
    ],
    "cast_operator": [
        "14:13: GoogleSQL has no operator ::; write CAST(… AS …), or run `sqlmesh format`"
    ],
    "group_by_alias": [
        "18:3: Cannot GROUP BY field references from SELECT list alias types;"
        " call the selected column otherwise than types, or the table"
    ],
    "date_and_timestamp": [
        "17:26: No matching signature for operator = for argument types: DATE, TIMESTAMP;"
        " cast one side to the type of the other"
    ],
    "ambiguous_name": [
        "14:8: Column name project_id is ambiguous; write the table before it, as in table.column"
    ],
    "argument_order": [
        "14:8: No matching signature for function FORMAT_DATE (argument types: DATE, STRING);"
        " give FORMAT_DATE its arguments in the order and of the types that its manual says"
    ],
    "short_union": [
        "18:1: Queries in UNION ALL have mismatched column count;"
        " query 1 has 2 columns, query 2 has 1 column;"
        " let every SELECT of it give the same columns, in the same order"
    ],
    "wrong_argument_of_macro": [
        "14:33: Unrecognized name: project_nam; Did you mean project_name?"
    ],
    "only_on_bigquery": [
        "14:8: DuckDB refuses what BigQuery takes:"
        " Catalog Error: Scalar Function with name to_base32 does not exist!;"
        " write it so that both take it"
    ],
    "other_type": [
        "15:37: contribution_count: DuckDB gives HUGEINT and not BIGINT;"
        " cast it in the outermost SELECT"
    ],
}
BY_THE_HOUSE_LIST = {
    "bare_numeric": ("15:", "NUMERIC without precision and scale", "NUMERIC(38, 9)"),
    "with_offset": ("17:", "WITH OFFSET", "GENERATE_ARRAY"),
}
TESTS = """\
test_rows_that_are_wrong:
  model: intermediate.repository_names
  vars: {start: 2024-05-01, end: 2024-05-01}
  inputs:
    staging.github_events:
      - {created_at: 2024-05-01 09:00:00, repository_source_id: 3, repository_name: curl/curl}
  outputs:
    partial: true
    query:
      - {repository_source_id: 3, repository_name: other/name}

test_an_input_of_another_type:
  model: intermediate.repository_names
  inputs:
    staging.github_events:
      - {created_at: 2024-05-01 09:00:00, repository_source_id: three}
  outputs:
    partial: true
    query: []

test_of_no_model:
  model: intermediate.repository_nam
  inputs: {}
  outputs:
    query: []

test_that_only_the_cloud_can_execute:
  model: intermediate.approximate
  inputs:
    seeds.event_types:
      - {event_type: PUSH}
  outputs:
    query:
      - {type_count: 1}
"""
APPROXIMATE = """\
SELECT
  CAST(APPROX_COUNT_DISTINCT(event_type) AS INT64) AS type_count
FROM seeds.event_types
"""


def write_model(project: Path, name: str, query: str) -> None:
    grain = query.split("FROM")[0].strip().rsplit(" AS ", 1)[1]
    path = project / "models" / "intermediate" / f"{name}.sql"
    path.write_text(HEADER.format(name=name, grain=grain) + query)
