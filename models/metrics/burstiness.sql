/*
  Burstiness
  Fano factor of daily contributions: their variance over their mean, over all days of the bucket that have passed,
  those without any included. Contributions as for contributors; bots are left out. 0 is perfectly even.
*/
MODEL (
  name metrics.burstiness,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:ratio', 'basis:contributions'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

WITH days AS (
  SELECT
    activity.subject_key,
    activity.sample_date AS activity_date,
    SUM(activity.event_count - activity.bot_event_count) AS contribution_count
  FROM intermediate.activity AS activity
  JOIN seeds.event_types AS event_types
    ON event_types.event_type = activity.event_type
  WHERE
    event_types.is_contribution
    AND activity.bucket = 'daily'
    AND activity.event_count > activity.bot_event_count
  GROUP BY
    activity.subject_key,
    activity.sample_date
), buckets AS (
  SELECT
    bucket,
    activity_date,
    sample_date,
    COUNT(*) OVER (PARTITION BY bucket, sample_date) AS day_count
  FROM intermediate.calendar
  WHERE
    bucket IN ('weekly', 'monthly', 'quarterly', 'yearly')
), sums AS (
  SELECT
    days.subject_key,
    buckets.bucket,
    buckets.sample_date,
    CAST(MAX(buckets.day_count) * SUM(days.contribution_count * days.contribution_count) - SUM(days.contribution_count) * SUM(days.contribution_count) AS INT64) AS spread,
    CAST(MAX(buckets.day_count) * SUM(days.contribution_count) AS INT64) AS total
  FROM days
  JOIN buckets
    ON buckets.activity_date = days.activity_date
  GROUP BY
    days.subject_key,
    buckets.bucket,
    buckets.sample_date
)
SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* weekly, monthly, quarterly or yearly. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(DIV(spread, NULLIF(total, 0))) /* Whole part and rest, since billionths of the whole may be too large. */ + @decimal(@ratio(MOD(spread, NULLIF(total, 0)), total)) AS amount /* The ratio. */
FROM sums
