/*
  Developers
  Distinct people with at least one commit in the bucket; merge commits and bots are left out.
  Not to be taken for contributors, who may have done other things than commit.
*/
MODEL (
  name metrics.developers,
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
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(*)) AS amount /* How many people. */
FROM intermediate.contributor_activity
WHERE
  commit_count > 0
GROUP BY
  entity_type,
  entity_id,
  artifact_source,
  bucket,
  sample_date
