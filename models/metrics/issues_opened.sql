/*
  Issues opened
  Issues opened in the bucket, by people and by bots. Issues opened again do not count.
*/
MODEL (
  name metrics.issues_opened,
  kind FULL,
  tags ('unit:issues', 'basis:events', 'empty:zero'),
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
  @decimal(SUM(event_count)) AS amount /* How many issues. */
FROM intermediate.actor_activity
WHERE
  event_type = 'ISSUE_OPENED'
GROUP BY
  entity_type,
  entity_id,
  artifact_source,
  bucket,
  sample_date
