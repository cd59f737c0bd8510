/*
  One row is what is left of the contributors who were new in a month, some months later.
  Only months that have ended are looked at.
*/
MODEL (
  name intermediate.contributor_retention,
  kind FULL,
  grain (entity_type, entity_id, artifact_source, sample_date, months_later),
  audits (
    not_null(
      columns := (entity_type, entity_id, artifact_source, sample_date, months_later, cohort_count)
    ),
    unique_combination_of_columns(columns := (entity_type, entity_id, artifact_source, sample_date, months_later)),
    forall(criteria := (cohort_count > 0, retained_count BETWEEN 0 AND cohort_count))
  )
);

WITH firsts AS (
  SELECT
    entity_type,
    entity_id,
    artifact_source,
    person_id,
    MIN(ordinal) AS ordinal,
    MIN(sample_date) AS sample_date
  FROM intermediate.contributor_activity
  WHERE
    bucket = 'monthly'
  GROUP BY
    entity_type,
    entity_id,
    artifact_source,
    person_id
), months AS (
  SELECT DISTINCT
    ordinal
  FROM intermediate.calendar
  WHERE
    bucket = 'monthly' AND next_date <= CAST(@execution_date AS DATE)
), steps AS (
  SELECT
    months_later
  FROM UNNEST([1, 3, 6, 12]) AS months_later
)
SELECT
  CAST(firsts.entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(firsts.entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(firsts.artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(firsts.sample_date AS DATE) AS sample_date, /* The first day of the month in which they were new. */
  CAST(steps.months_later AS INT64) AS months_later, /* 1, 3, 6 or 12. */
  CAST(COUNT(*) AS INT64) AS cohort_count, /* How many were new. */
  CAST(COUNT(later.person_id) AS INT64) AS retained_count /* How many of them contributed in that later month. */
FROM firsts
CROSS JOIN steps
JOIN months
  ON months.ordinal = firsts.ordinal + steps.months_later
/* Most do not come again. */
LEFT JOIN intermediate.contributor_activity AS later
  ON later.entity_type = firsts.entity_type
  AND later.entity_id = firsts.entity_id
  AND later.artifact_source = firsts.artifact_source
  AND later.bucket = 'monthly'
  AND later.person_id = firsts.person_id
  AND later.ordinal = firsts.ordinal + steps.months_later
GROUP BY
  firsts.entity_type,
  firsts.entity_id,
  firsts.artifact_source,
  firsts.sample_date,
  steps.months_later
