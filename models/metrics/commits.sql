/*
  Commits
  Distinct commits of the entity whose committer time falls in the bucket, without merge commits and
  without commits by bots. A commit that stands in several repositories of the entity counts once.
  Where a repository's history was not collected, commits are those that pushes listed, on the day of
  the push; the source lists at most 20 a push, and none from 2025-10-07 on.
*/
MODEL (
  name metrics.commits,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket, sample_date))
  ),
  tags ('unit:commits', 'basis:commits', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(event_count - bot_event_count) AS amount /* How many commits. */
FROM intermediate.activity
WHERE
  event_type = 'COMMIT_CODE' AND event_count > bot_event_count
