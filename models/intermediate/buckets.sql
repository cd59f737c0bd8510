/* One row is a bucket that has begun. */
MODEL (
  name intermediate.buckets,
  kind CUSTOM (
    materialization 'differences'
  ),
  grain (bucket, sample_date),
  audits (
    not_null(columns := (bucket, sample_date, next_date, ordinal)),
    unique_combination_of_columns(columns := (bucket, sample_date)),
    unique_combination_of_columns(columns := (bucket, ordinal))
  )
);

SELECT DISTINCT
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(next_date AS DATE) AS next_date, /* The first day after the bucket. */
  CAST(ordinal AS INT64) AS ordinal /* The bucket's number; the bucket before has one less. */
FROM intermediate.calendar
