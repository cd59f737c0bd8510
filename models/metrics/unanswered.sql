/*
  Unanswered issues and pull requests
  Issues and pull requests opened in the bucket that nobody else but bots has commented on, reviewed or closed yet.
*/
MODEL (
  name metrics.unanswered,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:threads', 'basis:threads'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(unended_count) AS amount /* How many issues and pull requests. */
FROM intermediate.thread_percentiles
WHERE
  duration = 'first_response'
