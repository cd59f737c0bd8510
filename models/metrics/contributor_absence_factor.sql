/*
  Contributor absence factor
  The smallest number of people who together made at least half of the contributions of the bucket (CHAOSS).
  Contributions as for contributors; bots are left out.
*/
MODEL (
  name metrics.contributor_absence_factor,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:people', 'basis:contributions'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

WITH alike AS (
  SELECT
    subject_key,
    bucket,
    sample_date,
    contribution_count,
    COUNT(*) AS person_count
  FROM intermediate.contributor_activity
  WHERE
    bucket IN ('monthly', 'quarterly', 'yearly', 'all_time')
  GROUP BY
    subject_key,
    bucket,
    sample_date,
    contribution_count
), shares AS (
  SELECT
    *,
    SUM(contribution_count * person_count) OVER (
      PARTITION BY subject_key, bucket, sample_date
      ORDER BY contribution_count DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS running_count,
    SUM(contribution_count * person_count) OVER (PARTITION BY subject_key, bucket, sample_date) AS total_count
  FROM alike
), missing AS (
  SELECT
    *,
    CAST(total_count - 2 * (
      running_count - contribution_count * person_count
    ) AS INT64) AS twice_missing_count
  FROM shares
), needed AS (
  SELECT
    *,
    DIV(
      (
        twice_missing_count + 2 * contribution_count - 1
      ),
      NULLIF((
        2 * contribution_count
      ), 0)
    ) AS needed_count /* The half that those with more left missing, by this many contributions a person, rounded up. */
  FROM missing
)
SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(LEAST(person_count, needed_count))) AS amount /* How many people. */
FROM needed
WHERE
  twice_missing_count > 0
GROUP BY
  subject_key,
  bucket,
  sample_date
