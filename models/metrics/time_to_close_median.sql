/*
  Time to close, median
  Median seconds from opening to closing, for issues closed in the bucket. An issue that was closed twice
  counts twice.
  By the nearest-rank method, so that it is one of the values.
*/
MODEL (
  name metrics.time_to_close_median,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:seconds', 'basis:threads'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(median_seconds) AS amount /* Seconds. */
FROM intermediate.thread_percentiles
WHERE
  duration = 'close' AND NOT median_seconds IS NULL
