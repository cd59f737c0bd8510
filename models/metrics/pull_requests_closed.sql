/*
  Pull requests closed
  Pull requests closed in the bucket without being merged.
*/
MODEL (
  name metrics.pull_requests_closed,
  kind FULL,
  tags ('unit:pull requests', 'basis:merges', 'empty:zero'),
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
  @decimal(SUM(event_count)) AS amount /* How many pull requests. */
FROM intermediate.actor_activity
WHERE
  event_type = 'PULL_REQUEST_CLOSED'
GROUP BY
  entity_type,
  entity_id,
  artifact_source,
  bucket,
  sample_date
