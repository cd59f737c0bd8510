/*
  One row is what is left of the contributors who were new in a month, some months later.
  Only months that have ended are looked at.
*/
MODEL (
  name intermediate.contributor_retention,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  grain (subject_key, sample_date, months_later),
  audits (
    not_null(columns := (subject_key, sample_date, months_later, cohort_count)),
    unique_combination_of_columns(columns := (subject_key, sample_date, months_later)),
    forall(criteria := (cohort_count > 0, retained_count BETWEEN 0 AND cohort_count))
  )
);

WITH active AS (
  SELECT
    subject_key,
    ordinal,
    MIN(ordinal) OVER (PARTITION BY subject_key, person_key) AS first_ordinal
  FROM intermediate.contributor_activity
  WHERE
    bucket = 'monthly'
), counted AS (
  SELECT
    subject_key,
    first_ordinal,
    ordinal - first_ordinal AS months_later,
    COUNT(*) AS person_count
  FROM active
  GROUP BY
    subject_key,
    first_ordinal,
    ordinal - first_ordinal
), months AS (
  SELECT
    ordinal,
    sample_date,
    next_date
  FROM intermediate.buckets
  WHERE
    bucket = 'monthly'
), steps AS (
  SELECT
    months_later
  FROM UNNEST([1, 3, 6, 12]) AS months_later
)
SELECT
  CAST(cohorts.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(beginnings.sample_date AS DATE) AS sample_date, /* The first day of the month in which they were new. */
  CAST(steps.months_later AS INT64) AS months_later, /* 1, 3, 6 or 12. */
  CAST(cohorts.person_count AS INT64) AS cohort_count, /* How many were new. */
  CAST(COALESCE(later.person_count, 0) AS INT64) AS retained_count /* How many of them contributed in that later month. */
FROM counted AS cohorts
CROSS JOIN steps
JOIN months AS beginnings
  ON beginnings.ordinal = cohorts.first_ordinal
JOIN months AS ends
  ON ends.ordinal = cohorts.first_ordinal + steps.months_later
/* Of many nobody comes again. */
LEFT JOIN counted AS later
  ON later.subject_key = cohorts.subject_key
  AND later.first_ordinal = cohorts.first_ordinal
  AND later.months_later = steps.months_later
WHERE
  cohorts.months_later = 0 AND ends.next_date <= CAST(@execution_date AS DATE)
