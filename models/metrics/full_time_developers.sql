/*
  Full-time developers
  People with commits on 10 or more distinct days of the calendar month. Over a quarter or a year: the mean
  over its months, those that have not begun left out. Bots are left out.
*/
MODEL (
  name metrics.full_time_developers,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:people', 'basis:commits', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

WITH months AS (
  SELECT
    subject_key,
    sample_date AS month_date,
    COUNT(IF(commit_day_count >= @VAR('full_time_days'), 1, NULL)) AS developer_count
  FROM intermediate.contributor_activity
  WHERE
    commit_count > 0 AND bucket = 'monthly'
  GROUP BY
    subject_key,
    sample_date
), buckets AS (
  SELECT
    bucket,
    sample_date,
    activity_date AS month_date,
    COUNT(*) OVER (PARTITION BY bucket, sample_date) AS month_count
  FROM intermediate.calendar
  WHERE
    bucket IN ('monthly', 'quarterly', 'yearly')
    AND EXTRACT(DAY FROM activity_date) = 1
)
SELECT
  CAST(months.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(buckets.bucket AS STRING) AS bucket, /* monthly, quarterly or yearly. */
  CAST(buckets.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(@ratio(SUM(months.developer_count), MAX(buckets.month_count))) AS amount /* How many people. */
FROM months
JOIN buckets
  ON buckets.month_date = months.month_date
GROUP BY
  months.subject_key,
  buckets.bucket,
  buckets.sample_date
