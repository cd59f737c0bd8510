/*
  Time to merge, 90th percentile
  90th percentile of the seconds from opening to merging, for pull requests merged in the bucket.
  By the nearest-rank method, so that it is one of the values.
*/
MODEL (
  name metrics.time_to_merge_p90,
  kind FULL,
  tags ('unit:seconds', 'basis:threads'),
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
  @decimal(p90_seconds) AS amount /* Seconds. */
FROM intermediate.thread_percentiles
WHERE
  duration = 'merge' AND NOT p90_seconds IS NULL
