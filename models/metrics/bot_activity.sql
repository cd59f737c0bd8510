/*
  Bot activity
  Contributions by bots in the bucket: commits, issues and pull requests opened, pull requests merged and reviews.
*/
MODEL (
  name metrics.bot_activity,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:events', 'basis:contributions', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(activity.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(activity.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(activity.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(activity.bot_event_count)) AS amount /* How many contributions. */
FROM intermediate.activity AS activity
JOIN seeds.event_types AS event_types
  ON event_types.event_type = activity.event_type
WHERE
  event_types.is_contribution AND activity.bot_event_count > 0
GROUP BY
  activity.subject_key,
  activity.bucket,
  activity.sample_date
