/*
  Burstiness
  Fano factor of daily contributions: their variance over their mean, over all days of the bucket that have passed,
  those without any included. Contributions as for contributors; bots are left out. 0 is perfectly even.
*/
MODEL (
  name metrics.burstiness,
  kind FULL,
  tags ('unit:ratio', 'basis:contributions'),
  grain (entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

WITH days AS (
  SELECT
    facts.entity_type,
    facts.entity_id,
    facts.artifact_source,
    facts.activity_date,
    SUM(facts.event_count) AS contribution_count
  FROM intermediate.entity_activity_daily AS facts
  JOIN seeds.event_types AS event_types
    ON event_types.event_type = facts.event_type
  WHERE
    event_types.is_contribution AND NOT facts.is_bot
  GROUP BY
    facts.entity_type,
    facts.entity_id,
    facts.artifact_source,
    facts.activity_date
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
    days.entity_type,
    days.entity_id,
    days.artifact_source,
    buckets.bucket,
    buckets.sample_date,
    CAST(MAX(buckets.day_count) * SUM(days.contribution_count * days.contribution_count) - SUM(days.contribution_count) * SUM(days.contribution_count) AS INT64) AS spread,
    CAST(MAX(buckets.day_count) * SUM(days.contribution_count) AS INT64) AS total
  FROM days
  JOIN buckets
    ON buckets.activity_date = days.activity_date
  GROUP BY
    days.entity_type,
    days.entity_id,
    days.artifact_source,
    buckets.bucket,
    buckets.sample_date
)
SELECT
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(bucket AS STRING) AS bucket, /* weekly, monthly, quarterly or yearly. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(DIV(spread, NULLIF(total, 0))) /* Whole part and rest, since billionths of the whole may be too large. */ + @decimal(@ratio(MOD(spread, NULLIF(total, 0)), total)) AS amount /* The ratio. */
FROM sums
