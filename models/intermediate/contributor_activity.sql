/*
  One row is a person who contributed to a subject in a bucket; bots left out.
  A contribution is a commit, an issue or pull request opened, a pull request merged, or a review.
  A commit that stands in several repositories of a subject counts there once.
*/
MODEL (
  name intermediate.contributor_activity,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (
      cells = subject_key,
      through = (intermediate.actor_activity_daily, intermediate.entities)
    )
  ),
  grain (subject_key, bucket, sample_date, person_key),
  audits (
    not_null(columns := (subject_key, bucket, sample_date, person_key, ordinal)),
    unique_combination_of_columns(columns := (subject_key, bucket, sample_date, person_key)),
    forall(
      criteria := (
        contribution_count > 0,
        commit_count <= contribution_count,
        commit_day_count <= commit_count
      )
    )
  )
);

/* Whole numbers are cast where they are summed up: DuckDB's sums are twice as wide, and so would be all rows in hand. */
WITH counted AS (
  SELECT
    facts.artifact_key,
    facts.activity_date,
    facts.person_key,
    CAST(SUM(facts.event_count) AS INT64) AS contribution_count,
    CAST(SUM(IF(facts.event_type = 'COMMIT_CODE', facts.event_count, 0)) AS INT64) AS commit_count
  FROM intermediate.actor_activity_daily AS facts
  JOIN seeds.event_types AS event_types
    ON event_types.event_type = facts.event_type
  WHERE
    event_types.is_contribution AND NOT facts.is_bot
  GROUP BY
    facts.artifact_key,
    facts.activity_date,
    facts.person_key
), by_day AS (
  SELECT
    entities.subject_key,
    counted.activity_date,
    counted.person_key,
    counted.contribution_count,
    counted.commit_count
  FROM counted
  JOIN intermediate.entities AS entities
    ON entities.artifact_key = counted.artifact_key
  UNION ALL
  SELECT
    subject_key,
    activity_date,
    person_key,
    -1 AS contribution_count,
    -1 AS commit_count
  FROM intermediate.repeated_commits
  WHERE
    NOT is_bot
), days AS (
  SELECT
    by_day.subject_key,
    by_day.activity_date,
    by_day.person_key,
    CAST(SUM(by_day.contribution_count) AS INT64) AS contribution_count,
    CAST(SUM(by_day.commit_count) AS INT64) AS commit_count
  FROM by_day
  JOIN intermediate.calendar AS calendar
    ON calendar.activity_date = by_day.activity_date
  WHERE
    calendar.bucket = 'daily'
  GROUP BY
    by_day.subject_key,
    by_day.activity_date,
    by_day.person_key
  HAVING
    SUM(by_day.contribution_count) > 0
), weeks_and_months AS (
  SELECT
    days.subject_key,
    calendar.bucket,
    calendar.sample_date,
    days.person_key,
    CAST(SUM(days.contribution_count) AS INT64) AS contribution_count,
    CAST(SUM(days.commit_count) AS INT64) AS commit_count,
    COUNT(IF(days.commit_count > 0, 1, NULL)) AS commit_day_count
  FROM days
  JOIN intermediate.calendar AS calendar
    ON calendar.activity_date = days.activity_date
  WHERE
    calendar.bucket IN ('weekly', 'monthly')
  GROUP BY
    days.subject_key,
    calendar.bucket,
    calendar.sample_date,
    days.person_key
), longer AS (
  SELECT
    months.subject_key,
    calendar.bucket,
    calendar.sample_date,
    months.person_key,
    CAST(SUM(months.contribution_count) AS INT64) AS contribution_count,
    CAST(SUM(months.commit_count) AS INT64) AS commit_count,
    CAST(SUM(months.commit_day_count) AS INT64) AS commit_day_count
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
    months.person_key
), every_bucket AS (
  SELECT
    subject_key,
    'daily' AS bucket,
    activity_date AS sample_date,
    person_key,
    contribution_count,
    commit_count,
    IF(commit_count > 0, 1, 0) AS commit_day_count
  FROM days
  UNION ALL
  SELECT
    *
  FROM weeks_and_months
  UNION ALL
  SELECT
    *
  FROM longer
)
SELECT
  CAST(every_bucket.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(every_bucket.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(every_bucket.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(buckets.ordinal AS INT64) AS ordinal, /* The bucket's number; the bucket before has one less. */
  CAST(every_bucket.person_key AS INT64) AS person_key, /* The person's number. */
  CAST(every_bucket.contribution_count AS INT64) AS contribution_count, /* How many contributions. */
  CAST(every_bucket.commit_count AS INT64) AS commit_count, /* How many of them are commits. */
  CAST(every_bucket.commit_day_count AS INT64) AS commit_day_count /* On how many days there were commits. */
FROM every_bucket
JOIN intermediate.buckets AS buckets
  ON buckets.bucket = every_bucket.bucket
  AND buckets.sample_date = every_bucket.sample_date
