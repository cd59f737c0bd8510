/*
  One row is an issue or a pull request of which an event was collected, with what became of it.
  Events tell when it was opened and by whom, but for pull requests from 2025-10-07 on: then only the opening itself does.
*/
MODEL (
  name intermediate.threads,
  kind FULL,
  grain (artifact_id, repository_source_id, thread_number),
  audits (
    not_null(columns := (artifact_id, repository_source_id, thread_number, is_pull_request)),
    unique_combination_of_columns(columns := (artifact_id, repository_source_id, thread_number)),
    forall(
      criteria := (
        answered_at IS NULL OR answered_at >= opened_at,
        NOT is_self_merged IS NULL
        OR merged_at IS NULL
        OR opener_login IS NULL
        OR merger_login IS NULL
      )
    )
  )
);

WITH openings AS (
  SELECT
    repository_source_id,
    thread_number,
    LOGICAL_OR(is_pull_request) AS is_pull_request,
    LOGICAL_OR(event_type IN ('ISSUE_OPENED', 'PULL_REQUEST_OPENED')) AS is_opening_collected,
    COALESCE(
      MIN(thread_opened_at),
      MIN(IF(event_type IN ('ISSUE_OPENED', 'PULL_REQUEST_OPENED'), created_at, NULL))
    ) AS opened_at,
    COALESCE(
      MIN(IF(event_type IN ('ISSUE_OPENED', 'PULL_REQUEST_OPENED'), account, NULL)),
      MIN(opener_account)
    ) AS opener_account,
    COALESCE(
      MIN(IF(event_type IN ('ISSUE_OPENED', 'PULL_REQUEST_OPENED'), actor_login, NULL)),
      MIN(opener_login)
    ) AS opener_login,
    MIN(IF(event_type = 'PULL_REQUEST_MERGED', created_at, NULL)) AS merged_at
  FROM intermediate.github_thread_events
  GROUP BY
    repository_source_id,
    thread_number
), told AS (
  SELECT
    openings.repository_source_id,
    openings.thread_number,
    openings.is_pull_request,
    openings.is_opening_collected,
    openings.opened_at,
    openings.opener_login,
    openings.merged_at,
    events.created_at,
    events.event_type,
    events.actor_login,
    events.is_bot,
    events.account /* An account may be renamed; the events of some years tell no id. */ = openings.opener_account
    OR COALESCE(events.actor_login = openings.opener_login, FALSE) AS is_by_opener
  FROM openings
  JOIN intermediate.github_thread_events AS events
    ON events.repository_source_id = openings.repository_source_id
    AND events.thread_number = openings.thread_number
), lives AS (
  SELECT
    repository_source_id,
    thread_number,
    is_pull_request,
    is_opening_collected,
    opened_at,
    opener_login,
    merged_at,
    MIN(
      IF(
        event_type IN (
          'ISSUE_COMMENT',
          'PULL_REQUEST_REVIEW',
          'PULL_REQUEST_REVIEW_COMMENT',
          'ISSUE_CLOSED',
          'PULL_REQUEST_CLOSED',
          'PULL_REQUEST_MERGED'
        )
        AND NOT is_bot
        AND NOT is_by_opener
        AND created_at >= opened_at,
        created_at,
        NULL
      )
    ) AS answered_at,
    MIN(
      IF(event_type = 'PULL_REQUEST_MERGED' AND created_at = merged_at, actor_login, NULL)
    ) AS merger_login,
    LOGICAL_OR(
      IF(event_type = 'PULL_REQUEST_MERGED' AND created_at = merged_at, is_by_opener, NULL)
    ) AS is_merged_by_opener,
    COUNT(
      IF(
        event_type IN ('ISSUE_COMMENT', 'PULL_REQUEST_REVIEW', 'PULL_REQUEST_REVIEW_COMMENT')
        AND NOT is_by_opener
        AND created_at <= merged_at,
        1,
        NULL
      )
    ) AS other_count
  FROM told
  GROUP BY
    repository_source_id,
    thread_number,
    is_pull_request,
    is_opening_collected,
    opened_at,
    opener_login,
    merged_at
)
SELECT
  CAST(repositories.artifact_id AS STRING) AS artifact_id, /* The repository. */
  CAST(lives.repository_source_id AS INT64) AS repository_source_id, /* The repository's numeric id at GitHub. */
  CAST(lives.thread_number AS INT64) AS thread_number, /* The number of the issue or pull request. */
  CAST(lives.is_pull_request AS BOOL) AS is_pull_request, /* Whether it is a pull request. */
  CAST(lives.is_opening_collected AS BOOL) AS is_opening_collected, /* Whether its opening was collected. */
  CAST(lives.opened_at AS TIMESTAMP) AS opened_at, /* When it was opened; NULL where no event tells. */
  CAST(lives.opener_login AS STRING) AS opener_login, /* Who opened it; NULL where no event tells. */
  CAST(lives.answered_at AS TIMESTAMP) AS answered_at, /* The first comment, review or close by somebody else who is no bot. */
  CAST(lives.merged_at AS TIMESTAMP) AS merged_at, /* When the pull request was merged. */
  CAST(lives.merger_login AS STRING) AS merger_login, /* Who merged it. */
  CAST(lives.is_merged_by_opener AND lives.other_count = 0 AS BOOL) AS is_self_merged /* Whether its opener merged it and nobody else had said anything; NULL where it was not merged or who is not known. */
FROM lives
JOIN intermediate.github_repositories AS repositories
  ON repositories.repository_source_id = lives.repository_source_id
