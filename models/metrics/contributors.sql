/*
  Contributors
  Distinct people with at least one contribution in the bucket: a commit, an issue or pull request opened,
  a pull request merged, or a review. Comments and stars do not make a contributor; bots are left out.
  A person is all accounts and addresses known to belong together: who commits and reviews counts once.
  Not to be taken for developers, who are those with commits.
*/
MODEL (
  name metrics.contributors,
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
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(*)) AS amount /* How many people. */
FROM intermediate.contributor_activity
GROUP BY
  subject_key,
  bucket,
  sample_date
