/*
  New contributors
  People whose first contribution to the entity, over all collected history, falls in the bucket.
*/
MODEL (
  name metrics.new_contributors,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:people', 'basis:contributions', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* weekly, monthly, quarterly or yearly. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(new_count) AS amount /* How many people. */
FROM intermediate.contributor_flow
