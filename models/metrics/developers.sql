/*
  Developers
  Distinct people with at least one commit in the bucket; merge commits and bots are left out.
  Not to be taken for contributors, who may have done other things than commit.
*/
MODEL (
  name metrics.developers,
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
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(*)) AS amount /* How many people. */
FROM intermediate.contributor_activity
WHERE
  commit_count > 0
GROUP BY
  subject_key,
  bucket,
  sample_date
