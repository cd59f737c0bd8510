/*
  One row is what metrics measure: the artifacts of an entity that live in one system.
  Metrics know it by a whole number, which is a quarter of the work of an id of 64 characters.
*/
MODEL (
  name intermediate.subjects,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (
      cells = subject_key,
      tells = (artifact_id, artifact_key, project_id, collection_id)
    )
  ),
  grain subject_key,
  audits (
    not_null(columns := (subject_key, entity_type, entity_id, artifact_source, history_share)),
    unique_values(columns := (
      subject_key
    )),
    forall(criteria := (
      history_share BETWEEN 0 AND 1
    ))
  )
);

WITH counted AS (
  SELECT
    subject_key,
    entity_type,
    entity_id,
    artifact_source,
    MIN(artifact_key) AS artifact_key,
    @ratio(COUNT(IF(has_git_history, 1, NULL)), COUNT(*)) AS history_share
  FROM intermediate.entities
  GROUP BY
    subject_key,
    entity_type,
    entity_id,
    artifact_source
)
SELECT
  CAST(subject_key AS INT64) AS subject_key, /* Its number. */
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(IF(entity_type = 'artifact', entity_id, NULL) AS STRING) AS artifact_id, /* The entity, where it is an artifact. */
  CAST(IF(entity_type = 'artifact', artifact_key, NULL) AS INT64) AS artifact_key, /* The artifact's number, where it is one. */
  CAST(IF(entity_type = 'project', entity_id, NULL) AS STRING) AS project_id, /* The entity, where it is a project. */
  CAST(IF(entity_type = 'collection', entity_id, NULL) AS STRING) AS collection_id, /* The entity, where it is a collection. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  @decimal(history_share) AS history_share /* The share of the artifacts whose git history was collected, 0 to 1. */
FROM counted
