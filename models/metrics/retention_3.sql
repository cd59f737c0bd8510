/*
  Retention after 3 months
  The share of the contributors new in the month who contributed again in the month 3 months later, once that has
  ended. Bots are left out.
*/
MODEL (
  name metrics.retention_3,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, sample_date))
  ),
  tags ('unit:share', 'basis:contributions'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST('monthly' AS STRING) AS bucket, /* monthly. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(@ratio(retained_count, cohort_count)) AS amount /* The share, 0 to 1. */
FROM intermediate.contributor_retention
WHERE
  months_later = 3
