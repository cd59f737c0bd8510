/*
  One row is an artifact that belongs to an entity: an artifact to itself, to its projects,
  and to the collections of its projects. A repository belongs to the ecosystems that hold it, too,
  if it is known from elsewhere.
*/
MODEL (
  name intermediate.entities,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (tells = (subject_key, artifact_key))
  ),
  grain (entity_type, entity_id, artifact_id),
  audits (
    not_null(
      columns := (subject_key, artifact_key, entity_type, entity_id, artifact_id, artifact_source)
    ),
    unique_combination_of_columns(columns := (entity_type, entity_id, artifact_id)),
    unique_combination_of_columns(columns := (subject_key, artifact_key))
  )
);

WITH memberships AS (
  SELECT
    'artifact' AS entity_type,
    artifact_id AS entity_id,
    artifact_id
  FROM intermediate.artifacts
  UNION ALL
  SELECT
    'project' AS entity_type,
    project_id AS entity_id,
    artifact_id
  FROM intermediate.artifacts_by_project
  UNION ALL
  SELECT DISTINCT
    'collection' AS entity_type,
    places.collection_id AS entity_id,
    members.artifact_id
  FROM staging.directory_collection_projects AS places
  JOIN intermediate.artifacts_by_project AS members
    ON members.project_id = places.project_id
  UNION ALL
  SELECT DISTINCT
    'collection' AS entity_type,
    branches.ecosystem_id AS entity_id,
    repositories.artifact_id
  FROM staging.ecosystem_repositories AS listed
  JOIN intermediate.repositories AS repositories
    ON repositories.repository_name = listed.repository_name
  JOIN staging.ecosystem_branches AS branches
    ON branches.leaf_id = listed.ecosystem_id
)
SELECT
  CAST(@key(
    @entity_id(memberships.entity_type, memberships.entity_id, artifacts.artifact_source)
  ) AS INT64) AS subject_key, /* The number of the entity's artifacts of one system, as metrics know them. */
  CAST(@key(memberships.artifact_id) AS INT64) AS artifact_key, /* The artifact's number. */
  CAST(memberships.entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(memberships.entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(memberships.artifact_id AS STRING) AS artifact_id, /* The artifact that belongs to it. */
  CAST(artifacts.artifact_source AS STRING) AS artifact_source, /* The system that the artifact lives in. */
  CAST(artifacts.has_git_history AS BOOL) AS has_git_history /* Whether the artifact's git history was collected. */
FROM memberships
JOIN intermediate.artifacts AS artifacts
  ON artifacts.artifact_id = memberships.artifact_id
