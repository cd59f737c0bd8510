/*
  Part-time developers
  Developers of a calendar month who are not full-time: commits on fewer than 10 distinct days of it.
*/
MODEL (
  name metrics.part_time_developers,
  kind FULL,
  tags ('unit:people', 'basis:commits', 'empty:zero'),
  grain (entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(bucket AS STRING) AS bucket, /* monthly. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(IF(commit_day_count < @VAR('full_time_days'), 1, NULL))) AS amount /* How many people. */
FROM intermediate.contributor_activity
WHERE
  commit_count > 0 AND bucket = 'monthly'
GROUP BY
  entity_type,
  entity_id,
  artifact_source,
  bucket,
  sample_date
