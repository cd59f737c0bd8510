/*
  Contributor absence factor
  The smallest number of people who together made at least half of the contributions of the bucket (CHAOSS).
  Contributions as for contributors; bots are left out.
*/
MODEL (
  name metrics.contributor_absence_factor,
  kind FULL,
  tags ('unit:people', 'basis:contributions'),
  grain (entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

WITH shares AS (
  SELECT
    entity_type,
    entity_id,
    artifact_source,
    bucket,
    sample_date,
    contribution_count,
    SUM(contribution_count) OVER (
      PARTITION BY entity_type, entity_id, artifact_source, bucket, sample_date
      ORDER BY contribution_count DESC, person_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS running_count,
    SUM(contribution_count) OVER (PARTITION BY entity_type, entity_id, artifact_source, bucket, sample_date) AS total_count
  FROM intermediate.contributor_activity
  WHERE
    bucket IN ('monthly', 'quarterly', 'yearly', 'all_time')
)
SELECT
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(bucket AS STRING) AS bucket, /* monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(IF(2 * (
    running_count - contribution_count
  ) < total_count, 1, NULL))) AS amount /* How many people. */
FROM shares
GROUP BY
  entity_type,
  entity_id,
  artifact_source,
  bucket,
  sample_date
