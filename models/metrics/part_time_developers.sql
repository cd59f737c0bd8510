/*
  Part-time developers
  Developers of a calendar month who are not full-time: commits on fewer than 10 distinct days of it.
*/
MODEL (
  name metrics.part_time_developers,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:people', 'basis:commits', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* monthly. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(IF(commit_day_count < @VAR('full_time_days'), 1, NULL))) AS amount /* How many people. */
FROM intermediate.contributor_activity
WHERE
  commit_count > 0 AND bucket = 'monthly'
GROUP BY
  subject_key,
  bucket,
  sample_date
