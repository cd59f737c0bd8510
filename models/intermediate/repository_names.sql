/* One row is a name that a repository bore on a day; renames are seen here. */
MODEL (
  name intermediate.repository_names,
  kind INCREMENTAL_BY_TIME_RANGE (
    time_column activity_date,
    lookback 2
  ),
  cron '@daily',
  grain (activity_date, repository_source_id, repository_name),
  audits (
    not_null(columns := (repository_source_id, repository_name, last_seen_at)),
    unique_combination_of_columns(columns := (activity_date, repository_source_id, repository_name))
  )
);

SELECT
  CAST(created_at AS DATE) AS activity_date, /* The day, in UTC. */
  CAST(repository_source_id AS INT64) AS repository_source_id, /* The repository's numeric id at GitHub. */
  CAST(repository_name AS STRING) AS repository_name, /* owner/name, in lower case. */
  CAST(MAX(created_at) AS TIMESTAMP) AS last_seen_at /* The last event of the day under that name. */
FROM staging.github_events
WHERE
  created_at BETWEEN @start_ts AND @end_ts AND INSTR(repository_name, '/') > 0
GROUP BY
  CAST(created_at AS DATE),
  repository_source_id,
  repository_name
