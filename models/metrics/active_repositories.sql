/*
  Active repositories
  Repositories with at least one commit, push, issue or pull request event in the bucket, by people or bots.
*/
MODEL (
  name metrics.active_repositories,
  kind FULL,
  tags ('unit:repositories', 'basis:contributions', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

WITH active AS (
  SELECT DISTINCT
    repositories.artifact_key,
    activity.bucket,
    activity.sample_date
  FROM intermediate.activity AS activity
  JOIN intermediate.entities AS repositories
    ON repositories.subject_key = activity.subject_key
  WHERE
    repositories.entity_type = 'artifact'
    AND activity.event_type IN (
      'COMMIT_CODE',
      'PUSH',
      'ISSUE_OPENED',
      'ISSUE_CLOSED',
      'ISSUE_REOPENED',
      'PULL_REQUEST_OPENED',
      'PULL_REQUEST_CLOSED',
      'PULL_REQUEST_REOPENED',
      'PULL_REQUEST_MERGED'
    )
)
SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(active.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(active.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(*)) AS amount /* How many repositories. */
FROM active
JOIN intermediate.entities AS entities
  ON entities.artifact_key = active.artifact_key
GROUP BY
  entities.subject_key,
  active.bucket,
  active.sample_date
