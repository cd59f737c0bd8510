/*
  One row is a public event on GitHub, as GH Archive recorded it.
  An event that stands in two hours is the same event; the first one collected is kept, but for a minimized one.
  Pushes list at most 20 commits, and none from 2025-10-07 on. Hours of before 2015 and minimized ones tell less:
  what they leave out is NULL, and the numeric id of a repository of which only the name is told is derived from that.
*/
MODEL (
  name staging.github_events,
  kind INCREMENTAL_BY_TIME_RANGE (
    time_column created_at,
    lookback 2
  ),
  cron '@daily',
  grain event_id,
  audits (
    not_null(columns := (event_id, type, repository_source_id)),
    unique_values(columns := (
      event_id
    ))
  )
);

SELECT
  CAST(id AS STRING) AS event_id, /* The event's id at GitHub. */
  CAST(created_at AS TIMESTAMP) AS created_at, /* When it happened. */
  CAST(type AS STRING) AS type, /* GitHub's name of the kind of event. */
  CAST(action AS STRING) AS action, /* What was done, where the type has several actions. */
  CAST(actor_id AS INT64) AS actor_source_id, /* The account's numeric id at GitHub. */
  CAST(actor_login AS STRING) AS actor_login, /* The account's login at that time. */
  CAST(repo_id AS INT64) AS repository_source_id, /* The repository's numeric id, kept over renames; negative where it is derived from the name. */
  CAST(@lower_ascii(repo_name) AS STRING) AS repository_name, /* owner/name at that time, in lower case. */
  CAST(COALESCE(pull_request_is_merged, FALSE) OR NOT pull_request_merged_at IS NULL AS BOOL) AS is_merged, /* Whether the pull request had been merged. */
  CAST(COALESCE(pull_request_number, issue_number) AS INT64) AS thread_number, /* The number of the issue or pull request that it is about. */
  CAST(NOT pull_request_number IS NULL OR NOT issue_pull_request_url IS NULL AS BOOL) AS is_pull_request, /* Whether that is a pull request. */
  CAST(COALESCE(pull_request_created_at, issue_created_at) AS TIMESTAMP) AS thread_opened_at, /* When that was opened; NULL for pull requests from 2025-10-07 on. */
  CAST(COALESCE(pull_request_user_id, issue_user_id) AS INT64) AS opener_source_id, /* The numeric id of the account that opened it, likewise. */
  CAST(COALESCE(pull_request_user_login, issue_user_login) AS STRING) AS opener_login, /* That account's login at that time, likewise. */
  CAST(push_size - ARRAY_LENGTH(commits) AS INT64) AS unlisted_commit_count, /* How many commits of a push are not listed; NULL where it lists none or does not tell its size. */
  COALESCE(commits, []) AS commits /* The commits that a push listed; never NULL, which an array of BigQuery's cannot be. */
FROM @deduplicated(
  raw.gharchive__events,
  id,
  (repo_id < 0, _load_id, hour),
  created_at BETWEEN @start_ts AND @end_ts AND NOT repo_id IS NULL
) AS events
