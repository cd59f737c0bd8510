/*
  One row is how much of one type of event happened to a subject in a bucket.
  A commit that stands in several repositories of a subject counts there once.
*/
MODEL (
  name intermediate.activity,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (
      cells = subject_key,
      through = (intermediate.actor_activity_daily, intermediate.entities)
    )
  ),
  grain (subject_key, bucket, sample_date, event_type),
  audits (
    not_null(columns := (subject_key, bucket, sample_date, event_type)),
    unique_combination_of_columns(columns := (subject_key, bucket, sample_date, event_type)),
    forall(criteria := (event_count > 0, bot_event_count BETWEEN 0 AND event_count))
  )
);

WITH counted AS (
  SELECT
    artifact_key,
    activity_date,
    event_type,
    SUM(event_count) AS event_count,
    SUM(IF(is_bot, event_count, 0)) AS bot_event_count
  FROM intermediate.actor_activity_daily
  GROUP BY
    artifact_key,
    activity_date,
    event_type
), by_day AS (
  SELECT
    entities.subject_key,
    counted.activity_date,
    counted.event_type,
    counted.event_count,
    counted.bot_event_count
  FROM counted
  JOIN intermediate.entities AS entities
    ON entities.artifact_key = counted.artifact_key
  UNION ALL
  SELECT
    subject_key,
    activity_date,
    'COMMIT_CODE' AS event_type,
    -1 AS event_count,
    IF(is_bot, -1, 0) AS bot_event_count
  FROM intermediate.repeated_commits
), days AS (
  SELECT
    by_day.subject_key,
    calendar.bucket,
    calendar.sample_date,
    by_day.event_type,
    SUM(by_day.event_count) AS event_count,
    SUM(by_day.bot_event_count) AS bot_event_count
  FROM by_day
  JOIN intermediate.calendar AS calendar
    ON calendar.activity_date = by_day.activity_date
  WHERE
    calendar.bucket = 'daily'
  GROUP BY
    by_day.subject_key,
    calendar.bucket,
    calendar.sample_date,
    by_day.event_type
  HAVING
    SUM(by_day.event_count) > 0
), weeks_and_months AS (
  SELECT
    days.subject_key,
    calendar.bucket,
    calendar.sample_date,
    days.event_type,
    SUM(days.event_count) AS event_count,
    SUM(days.bot_event_count) AS bot_event_count
  FROM days
  JOIN intermediate.calendar AS calendar
    ON calendar.activity_date = days.sample_date
  WHERE
    calendar.bucket IN ('weekly', 'monthly')
  GROUP BY
    days.subject_key,
    calendar.bucket,
    calendar.sample_date,
    days.event_type
), longer AS (
  SELECT
    months.subject_key,
    calendar.bucket,
    calendar.sample_date,
    months.event_type,
    SUM(months.event_count) AS event_count,
    SUM(months.bot_event_count) AS bot_event_count
  FROM weeks_and_months AS months
  JOIN intermediate.calendar AS calendar
    ON calendar.activity_date = months.sample_date
  WHERE
    months.bucket = 'monthly'
    AND calendar.bucket IN ('quarterly', 'yearly', 'all_time')
  GROUP BY
    months.subject_key,
    calendar.bucket,
    calendar.sample_date,
    months.event_type
)
SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(event_type AS STRING) AS event_type, /* One of the types in seeds.event_types. */
  CAST(event_count AS INT64) AS event_count, /* How many events. */
  CAST(bot_event_count AS INT64) AS bot_event_count /* How many of them are by bots. */
FROM days
UNION ALL
SELECT
  CAST(subject_key AS INT64) AS subject_key,
  CAST(bucket AS STRING) AS bucket,
  CAST(sample_date AS DATE) AS sample_date,
  CAST(event_type AS STRING) AS event_type,
  CAST(event_count AS INT64) AS event_count,
  CAST(bot_event_count AS INT64) AS bot_event_count
FROM weeks_and_months
UNION ALL
SELECT
  CAST(subject_key AS INT64) AS subject_key,
  CAST(bucket AS STRING) AS bucket,
  CAST(sample_date AS DATE) AS sample_date,
  CAST(event_type AS STRING) AS event_type,
  CAST(event_count AS INT64) AS event_count,
  CAST(bot_event_count AS INT64) AS bot_event_count
FROM longer
