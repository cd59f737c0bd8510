/*
  One row is an artifact of a project.
  An owner on GitHub stands for every repository of that owner that we know of;
  `any_evm` stands for every chain in seeds.chains.
  An account of oss-funding is the project of the same name.
*/
MODEL (
  name intermediate.artifacts_by_project,
  kind FULL,
  grain (project_id, artifact_id),
  audits (
    not_null(columns := (project_id, artifact_id)),
    unique_combination_of_columns(columns := (project_id, artifact_id))
  )
);

SELECT
  CAST(listed.project_id AS STRING) AS project_id, /* The project. */
  CAST(repositories.artifact_id AS STRING) AS artifact_id /* The artifact. */
FROM staging.directory_artifacts AS listed
JOIN intermediate.repositories AS repositories
  ON repositories.repository_name = @lower_ascii(CONCAT(listed.artifact_namespace, '/', listed.artifact_name))
WHERE
  listed.artifact_source = 'GITHUB' AND listed.artifact_name <> ''
UNION DISTINCT
SELECT
  CAST(listed.project_id AS STRING) AS project_id,
  CAST(repositories.artifact_id AS STRING) AS artifact_id
FROM staging.directory_artifacts AS listed
JOIN intermediate.repositories AS repositories
  ON repositories.artifact_namespace = @lower_ascii(listed.artifact_namespace)
WHERE
  listed.artifact_source = 'GITHUB' AND listed.artifact_name = ''
UNION DISTINCT
SELECT
  CAST(listed.project_id AS STRING) AS project_id,
  CAST(@entity_id(
    COALESCE(chains.chain, listed.artifact_source),
    listed.artifact_namespace,
    listed.artifact_name
  ) AS STRING) AS artifact_id
FROM staging.directory_artifacts AS listed
/* Only any_evm stands for several chains. */
LEFT JOIN seeds.chains AS chains
  ON listed.artifact_source = 'ANY_EVM'
WHERE
  listed.artifact_source <> 'GITHUB'
UNION DISTINCT
SELECT
  CAST(project_id AS STRING) AS project_id,
  CAST(@entity_id('OSS_FUNDING', '', project_name) AS STRING) AS artifact_id
FROM staging.directory_projects
WHERE
  project_name IN (
    SELECT
      funder_name
    FROM staging.grants
  )
  OR project_name IN (
    SELECT
      receiver_name
    FROM staging.grants
  )
