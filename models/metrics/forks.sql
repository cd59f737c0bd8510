/*
  Forks
  Forks made in the bucket.
*/
MODEL (
  name metrics.forks,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:forks', 'basis:events', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(event_count) AS amount /* How many forks. */
FROM intermediate.activity
WHERE
  event_type = 'FORKED'
