/*
  Active repositories
  Repositories with at least one commit, push, issue or pull request event in the bucket, by people or bots.
*/
MODEL (
  name metrics.active_repositories,
  kind FULL,
  tags ('unit:repositories', 'basis:contributions', 'empty:zero'),
  grain (entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

WITH active AS (
  SELECT DISTINCT
    entity_id AS artifact_id,
    bucket,
    sample_date
  FROM intermediate.actor_activity
  WHERE
    entity_type = 'artifact'
    AND event_type IN (
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
  CAST(entities.entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entities.entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(entities.artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(active.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(active.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(*)) AS amount /* How many repositories. */
FROM active
JOIN intermediate.entities AS entities
  ON entities.artifact_id = active.artifact_id
GROUP BY
  entities.entity_type,
  entities.entity_id,
  entities.artifact_source,
  active.bucket,
  active.sample_date
