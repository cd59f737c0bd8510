/*
  Active repositories
  Repositories with at least one commit, push, issue or pull request event in the bucket, by people or bots.
*/
MODEL (
  name metrics.active_repositories,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key, through = intermediate.entities)
  ),
  tags ('unit:repositories', 'basis:contributions', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(active.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(active.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(*)) AS amount /* How many repositories. */
FROM intermediate.active_repositories AS active
JOIN intermediate.entities AS entities
  ON entities.artifact_key = active.artifact_key
GROUP BY
  entities.subject_key,
  active.bucket,
  active.sample_date
