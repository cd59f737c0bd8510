/*
  Time to first response, 90th percentile
  90th percentile of the seconds from the opening of an issue or pull request to the first comment, review or close by
  somebody else who is no bot, for those opened in the bucket. Those that have no answer yet are not in it; they
  are counted as unanswered. An opening that was not collected does not count.
  By the nearest-rank method, so that it is one of the values.
*/
MODEL (
  name metrics.time_to_first_response_p90,
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
  @decimal(p90_seconds) AS amount /* Seconds. */
FROM intermediate.thread_percentiles
WHERE
  duration = 'first_response' AND NOT p90_seconds IS NULL
