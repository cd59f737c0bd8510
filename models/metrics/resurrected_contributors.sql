/*
  Resurrected contributors
  People who contributed in the bucket, not in the one before, but in some earlier one.
*/
MODEL (
  name metrics.resurrected_contributors,
  kind FULL,
  tags ('unit:people', 'basis:contributions'),
  grain (entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(bucket AS STRING) AS bucket, /* weekly, monthly, quarterly or yearly. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(resurrected_count) AS amount /* How many people. */
FROM intermediate.contributor_flow
