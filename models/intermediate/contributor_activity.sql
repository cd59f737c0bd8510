/*
  One row is a person who contributed to a subject in a bucket; bots left out.
  A contribution is a commit, an issue or pull request opened, a pull request merged, or a review.
  A commit that stands in several repositories of a subject counts there once.
*/
MODEL (
  name intermediate.contributor_activity,
  kind FULL,
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

WITH counted AS (
  SELECT
    facts.artifact_key,
    facts.activity_date,
    facts.person_key,
    SUM(facts.event_count) AS contribution_count,
    SUM(IF(facts.event_type = 'COMMIT_CODE', facts.event_count, 0)) AS commit_count
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
    calendar.bucket,
    calendar.sample_date,
    calendar.ordinal,
    by_day.person_key,
    SUM(by_day.contribution_count) AS contribution_count,
    SUM(by_day.commit_count) AS commit_count,
    IF(SUM(by_day.commit_count) > 0, 1, 0) AS commit_day_count
  FROM by_day
  JOIN intermediate.calendar AS calendar
    ON calendar.activity_date = by_day.activity_date
  WHERE
    calendar.bucket = 'daily'
  GROUP BY
    by_day.subject_key,
    calendar.bucket,
    calendar.sample_date,
    calendar.ordinal,
    by_day.person_key
  HAVING
    SUM(by_day.contribution_count) > 0
), weeks_and_months AS (
  SELECT
    days.subject_key,
    calendar.bucket,
    calendar.sample_date,
    calendar.ordinal,
    days.person_key,
    SUM(days.contribution_count) AS contribution_count,
    SUM(days.commit_count) AS commit_count,
    SUM(days.commit_day_count) AS commit_day_count
  FROM days
  JOIN intermediate.calendar AS calendar
    ON calendar.activity_date = days.sample_date
  WHERE
    calendar.bucket IN ('weekly', 'monthly')
  GROUP BY
    days.subject_key,
    calendar.bucket,
    calendar.sample_date,
    calendar.ordinal,
    days.person_key
), longer AS (
  SELECT
    months.subject_key,
    calendar.bucket,
    calendar.sample_date,
    calendar.ordinal,
    months.person_key,
    SUM(months.contribution_count) AS contribution_count,
    SUM(months.commit_count) AS commit_count,
    SUM(months.commit_day_count) AS commit_day_count
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
    calendar.ordinal,
    months.person_key
)
SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(ordinal AS INT64) AS ordinal, /* The bucket's number; the bucket before has one less. */
  CAST(person_key AS INT64) AS person_key, /* The person's number. */
  CAST(contribution_count AS INT64) AS contribution_count, /* How many contributions. */
  CAST(commit_count AS INT64) AS commit_count, /* How many of them are commits. */
  CAST(commit_day_count AS INT64) AS commit_day_count /* On how many days there were commits. */
FROM days
UNION ALL
SELECT
  CAST(subject_key AS INT64) AS subject_key,
  CAST(bucket AS STRING) AS bucket,
  CAST(sample_date AS DATE) AS sample_date,
  CAST(ordinal AS INT64) AS ordinal,
  CAST(person_key AS INT64) AS person_key,
  CAST(contribution_count AS INT64) AS contribution_count,
  CAST(commit_count AS INT64) AS commit_count,
  CAST(commit_day_count AS INT64) AS commit_day_count
FROM weeks_and_months
UNION ALL
SELECT
  CAST(subject_key AS INT64) AS subject_key,
  CAST(bucket AS STRING) AS bucket,
  CAST(sample_date AS DATE) AS sample_date,
  CAST(ordinal AS INT64) AS ordinal,
  CAST(person_key AS INT64) AS person_key,
  CAST(contribution_count AS INT64) AS contribution_count,
  CAST(commit_count AS INT64) AS commit_count,
  CAST(commit_day_count AS INT64) AS commit_day_count
FROM longer
