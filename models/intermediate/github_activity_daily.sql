/*
  One row is what one account did in one repository on one day, of one type of event.
  Keyed by GitHub's numeric ids, so that a renamed repository needs no rewriting of its past.
*/
MODEL (
  name intermediate.github_activity_daily,
  kind INCREMENTAL_BY_TIME_RANGE (
    time_column activity_date,
    lookback 2
  ),
  cron '@daily',
  grain (activity_date, repository_source_id, account, event_type),
  audits (
    not_null(columns := (repository_source_id, account, event_type, is_bot, event_count)),
    unique_combination_of_columns(columns := (activity_date, repository_source_id, account, event_type)),
    forall(criteria := (
      event_count > 0
    ))
  )
);

SELECT
  CAST(created_at AS DATE) AS activity_date, /* The day, in UTC. */
  CAST(repository_source_id AS INT64) AS repository_source_id, /* The repository's numeric id at GitHub. */
  CAST(account AS STRING) AS account, /* The account's numeric id at GitHub, or else its login. */
  CAST(event_type AS STRING) AS event_type, /* One of the types in seeds.event_types. */
  CAST(LOGICAL_OR(is_bot) AS BOOL) AS is_bot, /* Whether the account is a bot. */
  CAST(COUNT(*) AS INT64) AS event_count /* How many events. */
FROM intermediate.github_events
WHERE
  created_at BETWEEN @start_ts AND @end_ts
GROUP BY
  CAST(created_at AS DATE),
  repository_source_id,
  account,
  event_type
