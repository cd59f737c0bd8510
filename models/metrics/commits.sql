/*
  Commits
  Distinct commits of the entity whose committer time falls in the bucket, without merge commits and
  without commits by bots. A commit that stands in several repositories of the entity counts once.
  Where a repository's history was not collected, commits are those that pushes listed, on the day of
  the push; the source lists at most 20 a push, and none from 2025-10-07 on.
*/
MODEL (
  name metrics.commits,
  kind FULL,
  tags ('unit:commits', 'basis:commits', 'empty:zero'),
  grain (entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(event_count)) AS amount /* How many commits. */
FROM intermediate.actor_activity
WHERE
  event_type = 'COMMIT_CODE' AND NOT is_bot
GROUP BY
  entity_type,
  entity_id,
  artifact_source,
  bucket,
  sample_date
