/*
  One row is an event in the life of a thread: of an issue or a pull request.
  Compact, so that threads are put together again without reading all events.
*/
MODEL (
  name intermediate.github_thread_events,
  kind INCREMENTAL_BY_TIME_RANGE (
    time_column created_at,
    lookback 2
  ),
  cron '@daily',
  grain event_id,
  audits (
    not_null(columns := (event_id, repository_source_id, thread_number, event_type, is_bot)),
    unique_values(columns := (
      event_id
    ))
  )
);

SELECT
  CAST(event_id AS STRING) AS event_id, /* The event's id at GitHub. */
  CAST(created_at AS TIMESTAMP) AS created_at, /* When it happened. */
  CAST(repository_source_id AS INT64) AS repository_source_id, /* The repository's numeric id at GitHub. */
  CAST(thread_number AS INT64) AS thread_number, /* The number of the issue or pull request. */
  CAST(is_pull_request AS BOOL) AS is_pull_request, /* Whether it is a pull request. */
  CAST(event_type AS STRING) AS event_type, /* One of the types in seeds.event_types. */
  CAST(account AS STRING) AS account, /* Who did it: the account's numeric id at GitHub, or else its login. */
  CAST(actor_login AS STRING) AS actor_login, /* That account's login at that time, in lower case. */
  CAST(is_bot AS BOOL) AS is_bot, /* Whether that is a bot. */
  CAST(thread_opened_at AS TIMESTAMP) AS thread_opened_at, /* When the thread was opened, where the event says so. */
  CAST(opener_account AS STRING) AS opener_account, /* Who opened it, where the event says so. */
  CAST(opener_login AS STRING) AS opener_login /* That account's login at that time. */
FROM intermediate.github_events
WHERE
  created_at BETWEEN @start_ts AND @end_ts AND NOT thread_number IS NULL
