/*
  Dependencies
  Distinct packages that the entity's packages name as needed at run time, at the end of the bucket: of each package the current
  version counts, yanked ones and pre-releases left out. All time is now.
  What is optional or for development is not counted.
*/
MODEL (
  name metrics.dependencies,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:packages', 'basis:snapshot'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(ends.bucket AS STRING) AS bucket, /* monthly, quarterly, yearly or all_time. */
  CAST(ends.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(DISTINCT reach.dependency_key)) AS amount /* How many packages. */
FROM intermediate.dependency_reach AS reach
JOIN intermediate.dependency_dates AS ends
  ON ends.graph_date = reach.graph_date
JOIN intermediate.entities AS entities
  ON entities.artifact_key = reach.dependent_key
WHERE
  reach.is_direct
GROUP BY
  entities.subject_key,
  ends.bucket,
  ends.sample_date
