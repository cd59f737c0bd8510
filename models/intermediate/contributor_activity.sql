/*
  One row is a person who contributed to an entity in a bucket; bots left out.
  A contribution is a commit, an issue or pull request opened, a pull request merged, or a review.
*/
MODEL (
  name intermediate.contributor_activity,
  kind FULL,
  grain (entity_type, entity_id, artifact_source, bucket, sample_date, person_id),
  audits (
    not_null(
      columns := (entity_type, entity_id, artifact_source, bucket, sample_date, person_id, ordinal)
    ),
    unique_combination_of_columns(
      columns := (entity_type, entity_id, artifact_source, bucket, sample_date, person_id)
    ),
    forall(
      criteria := (
        contribution_count > 0,
        commit_count <= contribution_count,
        commit_day_count <= commit_count
      )
    )
  )
);

SELECT
  CAST(activity.entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(activity.entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(activity.artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(activity.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(activity.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(activity.ordinal AS INT64) AS ordinal, /* The bucket's number; the bucket before has one less. */
  CAST(activity.person_id AS STRING) AS person_id, /* The person. */
  CAST(SUM(activity.event_count) AS INT64) AS contribution_count, /* How many contributions. */
  CAST(SUM(IF(activity.event_type = 'COMMIT_CODE', activity.event_count, 0)) AS INT64) AS commit_count, /* How many of them are commits. */
  CAST(SUM(IF(activity.event_type = 'COMMIT_CODE', activity.active_day_count, 0)) AS INT64) AS commit_day_count /* On how many days there were commits. */
FROM intermediate.actor_activity AS activity
JOIN seeds.event_types AS event_types
  ON event_types.event_type = activity.event_type
WHERE
  event_types.is_contribution AND NOT activity.is_bot
GROUP BY
  activity.entity_type,
  activity.entity_id,
  activity.artifact_source,
  activity.bucket,
  activity.sample_date,
  activity.ordinal,
  activity.person_id
