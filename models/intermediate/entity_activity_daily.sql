/*
  One row is what one person did to one entity on one day, of one type of event.
  A commit that stands in several repositories of an entity counts there once.
*/
MODEL (
  name intermediate.entity_activity_daily,
  kind FULL,
  grain (entity_type, entity_id, artifact_source, activity_date, person_id, event_type),
  audits (
    not_null(
      columns := (
        entity_type,
        entity_id,
        artifact_source,
        activity_date,
        person_id,
        event_type,
        is_bot,
        event_count
      )
    ),
    unique_combination_of_columns(
      columns := (entity_type, entity_id, artifact_source, activity_date, person_id, event_type)
    )
  )
);

WITH commits AS (
  SELECT
    entities.entity_type,
    entities.entity_id,
    entities.artifact_source,
    found.committed_at,
    found.person_id,
    found.is_bot
  FROM intermediate.entities AS entities
  JOIN intermediate.commits AS found
    ON found.artifact_id = entities.artifact_id
  WHERE
    entities.entity_type <> 'artifact'
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY entities.entity_type, entities.entity_id, found.sha
      ORDER BY found.committed_at, found.person_id, found.is_bot, entities.artifact_source
    ) = 1
), activity AS (
  SELECT
    entities.entity_type,
    entities.entity_id,
    entities.artifact_source,
    facts.activity_date,
    facts.person_id,
    facts.event_type,
    facts.is_bot,
    facts.event_count
  FROM intermediate.entities AS entities
  JOIN intermediate.actor_activity_daily AS facts
    ON facts.artifact_id = entities.artifact_id
  WHERE
    entities.entity_type = 'artifact' OR facts.event_type <> 'COMMIT_CODE'
  UNION ALL
  SELECT
    entity_type,
    entity_id,
    artifact_source,
    CAST(committed_at AS DATE) AS activity_date,
    person_id,
    'COMMIT_CODE' AS event_type,
    is_bot,
    1 AS event_count
  FROM commits
)
SELECT
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(activity_date AS DATE) AS activity_date, /* The day, in UTC. */
  CAST(person_id AS STRING) AS person_id, /* Who did it. */
  CAST(event_type AS STRING) AS event_type, /* One of the types in seeds.event_types. */
  CAST(LOGICAL_OR(is_bot) AS BOOL) AS is_bot, /* Whether that is a bot. */
  CAST(SUM(event_count) AS INT64) AS event_count /* How many events. */
FROM activity
GROUP BY
  entity_type,
  entity_id,
  artifact_source,
  activity_date,
  person_id,
  event_type
