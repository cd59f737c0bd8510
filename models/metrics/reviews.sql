/*
  Reviews
  Reviews of pull requests given in the bucket, by people and by bots.
*/
MODEL (
  name metrics.reviews,
  kind FULL,
  tags ('unit:reviews', 'basis:events', 'empty:zero'),
  grain (entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(event_count)) AS amount /* How many reviews. */
FROM intermediate.actor_activity
WHERE
  event_type = 'PULL_REQUEST_REVIEW'
GROUP BY
  entity_type,
  entity_id,
  artifact_source,
  bucket,
  sample_date
