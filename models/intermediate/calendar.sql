/*
  One row is a day in one of the buckets that it belongs to.
  Buckets are labelled by their first day; weeks begin on Monday; all time begins on 1970-01-01.
  The calendar ends with the last whole day.
*/
MODEL (
  name intermediate.calendar,
  kind CUSTOM (
    materialization 'differences'
  ),
  grain (bucket, activity_date),
  audits (
    not_null(columns := (bucket, activity_date, sample_date, next_date, ordinal)),
    unique_combination_of_columns(columns := (bucket, activity_date)),
    forall(criteria := (sample_date <= activity_date, activity_date < next_date))
  )
);

WITH days AS (
  SELECT
    CAST(activity_date AS DATE) AS activity_date
  FROM UNNEST(GENERATE_DATE_ARRAY(
    CAST('1970-01-01' AS DATE),
    CAST(DATE_SUB(CAST(@execution_date AS DATE), INTERVAL '1' DAY) AS DATE),
    INTERVAL '1' DAY
  )) AS activity_date
), bucketed AS (
  SELECT
    'daily' AS bucket,
    activity_date,
    activity_date AS sample_date,
    CAST(DATE_ADD(activity_date, INTERVAL '1' DAY) AS DATE) AS next_date,
    DATE_DIFF(activity_date, CAST('1970-01-01' AS DATE), DAY) AS ordinal
  FROM days
  UNION ALL
  SELECT
    'weekly' AS bucket,
    activity_date,
    CAST(DATE_TRUNC(activity_date, WEEK(MONDAY)) AS DATE) AS sample_date,
    CAST(DATE_ADD(CAST(DATE_TRUNC(activity_date, WEEK(MONDAY)) AS DATE), INTERVAL '7' DAY) AS DATE) AS next_date,
    DIV(
      DATE_DIFF(
        CAST(DATE_TRUNC(activity_date, WEEK(MONDAY)) AS DATE),
        CAST('1969-12-29' AS DATE),
        DAY
      ),
      7
    ) AS ordinal
  FROM days
  UNION ALL
  SELECT
    'monthly' AS bucket,
    activity_date,
    CAST(DATE_TRUNC(activity_date, MONTH) AS DATE) AS sample_date,
    CAST(DATE_ADD(CAST(DATE_TRUNC(activity_date, MONTH) AS DATE), INTERVAL '1' MONTH) AS DATE) AS next_date,
    EXTRACT(YEAR FROM activity_date) * 12 + EXTRACT(MONTH FROM activity_date) AS ordinal
  FROM days
  UNION ALL
  SELECT
    'quarterly' AS bucket,
    activity_date,
    CAST(DATE_TRUNC(activity_date, QUARTER) AS DATE) AS sample_date,
    CAST(DATE_ADD(CAST(DATE_TRUNC(activity_date, QUARTER) AS DATE), INTERVAL '3' MONTH) AS DATE) AS next_date,
    EXTRACT(YEAR FROM activity_date) * 4 + EXTRACT(QUARTER FROM activity_date) AS ordinal
  FROM days
  UNION ALL
  SELECT
    'yearly' AS bucket,
    activity_date,
    CAST(DATE_TRUNC(activity_date, YEAR) AS DATE) AS sample_date,
    CAST(DATE_ADD(CAST(DATE_TRUNC(activity_date, YEAR) AS DATE), INTERVAL '1' YEAR) AS DATE) AS next_date,
    EXTRACT(YEAR FROM activity_date) AS ordinal
  FROM days
  UNION ALL
  SELECT
    'all_time' AS bucket,
    activity_date,
    CAST('1970-01-01' AS DATE) AS sample_date,
    CAST('9999-12-31' AS DATE) AS next_date,
    0 AS ordinal
  FROM days
)
SELECT
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(activity_date AS DATE) AS activity_date, /* The day, in UTC. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(next_date AS DATE) AS next_date, /* The first day after the bucket. */
  CAST(ordinal AS INT64) AS ordinal /* The bucket's number; the bucket before has one less. */
FROM bucketed
