/* One row is what one person did to one entity in one bucket, of one type of event. */
MODEL (
  name intermediate.actor_activity,
  kind FULL,
  grain (
    entity_type,
    entity_id,
    artifact_source,
    bucket,
    sample_date,
    person_id,
    event_type
  ),
  audits (
    not_null(
      columns := (
        entity_type,
        entity_id,
        artifact_source,
        bucket,
        sample_date,
        person_id,
        event_type,
        is_bot
      )
    ),
    forall(
      criteria := (event_count > 0, active_day_count > 0, active_day_count <= event_count)
    )
  )
);

SELECT
  CAST(facts.entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(facts.entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(facts.artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(facts.person_id AS STRING) AS person_id, /* Who did it. */
  CAST(facts.event_type AS STRING) AS event_type, /* One of the types in seeds.event_types. */
  CAST(LOGICAL_OR(facts.is_bot) AS BOOL) AS is_bot, /* Whether that is a bot. */
  CAST(SUM(facts.event_count) AS INT64) AS event_count, /* How many events. */
  CAST(COUNT(*) AS INT64) AS active_day_count, /* On how many days. */
  CAST(MIN(calendar.ordinal) AS INT64) AS ordinal /* The bucket's number. */
FROM intermediate.entity_activity_daily AS facts
JOIN intermediate.calendar AS calendar
  ON calendar.activity_date = facts.activity_date
GROUP BY
  facts.entity_type,
  facts.entity_id,
  facts.artifact_source,
  calendar.bucket,
  calendar.sample_date,
  facts.person_id,
  facts.event_type
