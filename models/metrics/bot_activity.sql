/*
  Bot activity
  Contributions by bots in the bucket: commits, issues and pull requests opened, pull requests merged and reviews.
*/
MODEL (
  name metrics.bot_activity,
  kind FULL,
  tags ('unit:events', 'basis:contributions', 'empty:zero'),
  grain (entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(activity.entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(activity.entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(activity.artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(activity.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(activity.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(activity.event_count)) AS amount /* How many contributions. */
FROM intermediate.actor_activity AS activity
JOIN seeds.event_types AS event_types
  ON event_types.event_type = activity.event_type
WHERE
  event_types.is_contribution AND activity.is_bot
GROUP BY
  activity.entity_type,
  activity.entity_id,
  activity.artifact_source,
  activity.bucket,
  activity.sample_date
