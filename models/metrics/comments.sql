/*
  Comments
  Comments on issues, in the conversation of pull requests and on their code, in the bucket.
*/
MODEL (
  name metrics.comments,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:comments', 'basis:events', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(event_count)) AS amount /* How many comments. */
FROM intermediate.activity
WHERE
  event_type IN ('ISSUE_COMMENT', 'PULL_REQUEST_REVIEW_COMMENT')
GROUP BY
  subject_key,
  bucket,
  sample_date
