/*
  One row is how much of a bucket's hours of GH Archive were collected.
  All time begins with the first hour collected. Hours that have not ended are not expected yet.
*/
MODEL (
  name intermediate.coverage,
  kind FULL,
  grain (bucket, sample_date),
  audits (
    not_null(columns := (bucket, sample_date, coverage, is_complete)),
    unique_combination_of_columns(columns := (bucket, sample_date)),
    forall(criteria := (
      coverage BETWEEN 0 AND 1
    ))
  )
);

WITH collected AS (
  SELECT
    CAST(collected_hour AS DATE) AS activity_date,
    COUNT(*) AS hour_count
  FROM staging.github_hours
  GROUP BY
    CAST(collected_hour AS DATE)
), bounds AS (
  SELECT
    MIN(activity_date) AS first_date
  FROM collected
)
SELECT
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(@ratio(COALESCE(SUM(collected.hour_count), 0), 24 * COUNT(*))) AS coverage, /* The share of its hours that were collected, 0 to 1. */
  CAST(MAX(calendar.next_date) <= CAST(@execution_date AS DATE) AS BOOL) AS is_complete /* Whether the bucket has ended. */
FROM intermediate.calendar AS calendar
CROSS JOIN bounds
/* Days of which nothing was collected count as missing. */
LEFT JOIN collected
  ON collected.activity_date = calendar.activity_date
WHERE
  calendar.bucket <> 'all_time'
  OR bounds.first_date IS NULL
  OR calendar.activity_date >= bounds.first_date
GROUP BY
  calendar.bucket,
  calendar.sample_date
