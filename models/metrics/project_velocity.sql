/*
  Project velocity
  A score: closed issues, commits and reviews, and twice the contributors of the bucket. The weights are variables of
  the project.
*/
MODEL (
  name metrics.project_velocity,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:points', 'basis:contributions', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

WITH points AS (
  SELECT
    subject_key,
    bucket,
    sample_date,
    amount * @VAR('velocity_closed_issues') AS points
  FROM metrics.issues_closed
  UNION ALL
  SELECT
    subject_key,
    bucket,
    sample_date,
    amount * @VAR('velocity_commits') AS points
  FROM metrics.commits
  UNION ALL
  SELECT
    subject_key,
    bucket,
    sample_date,
    amount * @VAR('velocity_reviews') AS points
  FROM metrics.reviews
  UNION ALL
  SELECT
    subject_key,
    bucket,
    sample_date,
    amount * @VAR('velocity_contributors') AS points
  FROM metrics.contributors
)
SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(points)) AS amount /* How many points. */
FROM points
GROUP BY
  subject_key,
  bucket,
  sample_date
