/*
  Project velocity
  A score: closed issues, commits and reviews, and twice the contributors of the bucket. The weights are variables of
  the project.
*/
MODEL (
  name metrics.project_velocity,
  kind FULL,
  tags ('unit:points', 'basis:contributions', 'empty:zero'),
  grain (entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

WITH points AS (
  SELECT
    entity_type,
    entity_id,
    artifact_source,
    bucket,
    sample_date,
    amount * @decimal(@VAR('velocity_closed_issues')) AS points
  FROM metrics.issues_closed
  UNION ALL
  SELECT
    entity_type,
    entity_id,
    artifact_source,
    bucket,
    sample_date,
    amount * @decimal(@VAR('velocity_commits')) AS points
  FROM metrics.commits
  UNION ALL
  SELECT
    entity_type,
    entity_id,
    artifact_source,
    bucket,
    sample_date,
    amount * @decimal(@VAR('velocity_reviews')) AS points
  FROM metrics.reviews
  UNION ALL
  SELECT
    entity_type,
    entity_id,
    artifact_source,
    bucket,
    sample_date,
    amount * @decimal(@VAR('velocity_contributors')) AS points
  FROM metrics.contributors
)
SELECT
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(points)) AS amount /* How many points. */
FROM points
GROUP BY
  entity_type,
  entity_id,
  artifact_source,
  bucket,
  sample_date
