/*
  Pull requests closed
  Pull requests closed in the bucket without being merged.
*/
MODEL (
  name metrics.pull_requests_closed,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:pull requests', 'basis:merges', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(event_count) AS amount /* How many pull requests. */
FROM intermediate.activity
WHERE
  event_type = 'PULL_REQUEST_CLOSED'
