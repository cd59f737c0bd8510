/* One row is an artifact that a project lists in the directory; an artifact of several types has one row. */
MODEL (
  name staging.directory_artifacts,
  kind VIEW,
  grain (project_id, artifact_source, artifact_namespace, artifact_name),
  audits (
    not_null(columns := (project_id, artifact_source, artifact_namespace, artifact_name)),
    unique_combination_of_columns(columns := (project_id, artifact_source, artifact_namespace, artifact_name))
  )
);

SELECT
  CAST(@entity_id('OSS_DIRECTORY', '', project_name) AS STRING) AS project_id, /* The project. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system it lives in, such as GITHUB. */
  CAST(artifact_namespace AS STRING) AS artifact_namespace, /* The owner or scope; empty where there is none. */
  CAST(artifact_name AS STRING) AS artifact_name, /* Its name there; empty for an owner of repositories. */
  CAST(MIN(artifact_type) AS STRING) AS artifact_type, /* What it is, such as REPOSITORY. */
  CAST(MIN(artifact_url) AS STRING) AS artifact_url /* Where to find it. */
FROM raw.oss_directory__project_artifacts
GROUP BY
  project_name,
  artifact_source,
  artifact_namespace,
  artifact_name
