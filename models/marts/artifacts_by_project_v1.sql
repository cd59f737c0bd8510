/*
  One row is an artifact of a project.
  An owner on GitHub stands for every repository of that owner that we know of.
*/
MODEL (
  name marts.artifacts_by_project_v1,
  kind FULL,
  grain (project_id, artifact_id),
  audits (
    not_null(
      columns := (
        project_id,
        project_name,
        artifact_id,
        artifact_source,
        artifact_namespace,
        artifact_name
      )
    ),
    unique_combination_of_columns(columns := (project_id, artifact_id))
  )
);

SELECT
  CAST(members.project_id AS STRING) AS project_id, /* The project. */
  CAST(projects.project_name AS STRING) AS project_name, /* Its name in the directory. */
  CAST(members.artifact_id AS STRING) AS artifact_id, /* The artifact. */
  CAST(artifacts.artifact_source AS STRING) AS artifact_source, /* The system that the artifact lives in. */
  CAST(artifacts.artifact_namespace AS STRING) AS artifact_namespace, /* The artifact's owner or scope. */
  CAST(artifacts.artifact_name AS STRING) AS artifact_name /* The artifact's name. */
FROM intermediate.artifacts_by_project AS members
JOIN marts.projects_v1 AS projects
  ON projects.project_id = members.project_id
JOIN marts.artifacts_v1 AS artifacts
  ON artifacts.artifact_id = members.artifact_id
