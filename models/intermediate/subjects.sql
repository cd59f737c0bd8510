/*
  One row is what metrics measure: the artifacts of an entity that live in one system.
  Metrics know it by a whole number, which is a quarter of the work of an id of 64 characters.
*/
MODEL (
  name intermediate.subjects,
  kind FULL,
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

SELECT
  CAST(subject_key AS INT64) AS subject_key, /* Its number. */
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  @decimal(@ratio(COUNT(IF(has_git_history, 1, NULL)), COUNT(*))) AS history_share /* The share of the artifacts whose git history was collected, 0 to 1. */
FROM intermediate.entities
GROUP BY
  subject_key,
  entity_type,
  entity_id,
  artifact_source
