/*
  Share of self-merged pull requests
  Pull requests merged by their opener without a review or comment by anybody else before, over all merged in
  the bucket. Those of which no event tells who opened them are left out.
*/
MODEL (
  name metrics.self_merge_share,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:share', 'basis:threads'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(@ratio(COUNT(IF(threads.is_self_merged, 1, NULL)), COUNT(*))) AS amount /* The share, 0 to 1. */
FROM intermediate.threads AS threads
JOIN intermediate.entities AS entities
  ON entities.artifact_id = threads.artifact_id
JOIN intermediate.calendar AS calendar
  ON calendar.activity_date = CAST(threads.merged_at AS DATE)
WHERE
  NOT threads.is_self_merged IS NULL
GROUP BY
  entities.subject_key,
  calendar.bucket,
  calendar.sample_date
