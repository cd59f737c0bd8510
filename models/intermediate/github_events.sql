/*
  One row is an event on GitHub of a type that we count.
  A pull request that was closed by merging it is merged, not closed; one of which that is not told is neither.
*/
MODEL (
  name intermediate.github_events,
  kind VIEW,
  grain event_id,
  audits (
    not_null(columns := (event_id, created_at, event_type, repository_source_id, is_bot))
  )
);

WITH typed AS (
  SELECT
    event_id,
    created_at,
    CASE
      WHEN type = 'PushEvent'
      THEN 'PUSH'
      WHEN type = 'WatchEvent'
      THEN 'STARRED'
      WHEN type = 'ForkEvent'
      THEN 'FORKED'
      WHEN type = 'IssueCommentEvent' AND COALESCE(action, 'created') = 'created'
      THEN 'ISSUE_COMMENT'
      WHEN type = 'PullRequestReviewCommentEvent'
      AND COALESCE(action, 'created') = 'created'
      THEN 'PULL_REQUEST_REVIEW_COMMENT'
      WHEN type = 'PullRequestReviewEvent'
      AND COALESCE(action, 'created') IN ('created', 'submitted')
      THEN 'PULL_REQUEST_REVIEW'
      WHEN type = 'ReleaseEvent' AND COALESCE(action, 'published') = 'published'
      THEN 'RELEASE_PUBLISHED'
      WHEN type = 'IssuesEvent' AND action = 'opened'
      THEN 'ISSUE_OPENED'
      WHEN type = 'IssuesEvent' AND action = 'closed'
      THEN 'ISSUE_CLOSED'
      WHEN type = 'IssuesEvent' AND action = 'reopened'
      THEN 'ISSUE_REOPENED'
      WHEN type = 'PullRequestEvent' AND action = 'opened'
      THEN 'PULL_REQUEST_OPENED'
      WHEN type = 'PullRequestEvent' AND action = 'reopened'
      THEN 'PULL_REQUEST_REOPENED'
      WHEN type = 'PullRequestEvent'
      AND (
        action = 'merged' OR (
          action = 'closed' AND is_merged
        )
      )
      THEN 'PULL_REQUEST_MERGED'
      WHEN type = 'PullRequestEvent' AND action = 'closed'
      THEN 'PULL_REQUEST_CLOSED'
    END AS event_type,
    repository_source_id,
    actor_source_id,
    actor_login,
    thread_number,
    is_pull_request,
    thread_opened_at,
    opener_source_id,
    opener_login
  FROM staging.github_events
)
SELECT
  CAST(event_id AS STRING) AS event_id, /* The event's id at GitHub. */
  CAST(created_at AS TIMESTAMP) AS created_at, /* When it happened. */
  CAST(event_type AS STRING) AS event_type, /* One of the types in seeds.event_types. */
  CAST(repository_source_id AS INT64) AS repository_source_id, /* The repository's numeric id at GitHub. */
  CAST(COALESCE(CAST(actor_source_id AS STRING), CONCAT('@', @lower_ascii(actor_login)), '') AS STRING) AS account, /* The account's numeric id at GitHub, or else @ and its login. */
  CAST(@is_bot(actor_login) AS BOOL) AS is_bot, /* Whether the account is a bot. */
  CAST(thread_number AS INT64) AS thread_number, /* The number of the issue or pull request that it is about; NULL where there is none. */
  CAST(is_pull_request AS BOOL) AS is_pull_request, /* Whether that is a pull request. */
  CAST(thread_opened_at AS TIMESTAMP) AS thread_opened_at, /* When that was opened, where the event says so. */
  CAST(@lower_ascii(actor_login) AS STRING) AS actor_login, /* The account's login at that time, in lower case. */
  CAST(COALESCE(CAST(opener_source_id AS STRING), CONCAT('@', @lower_ascii(opener_login))) AS STRING) AS opener_account, /* The account that opened it, where the event says so. */
  CAST(@lower_ascii(opener_login) AS STRING) AS opener_login /* That account's login at that time, in lower case. */
FROM typed
WHERE
  NOT event_type IS NULL
