/*
  One row is an artifact that the directory lists or that was seen in a source: a repository in events or
  git histories, an account that gave or received funding, a package that something depends on.
*/
MODEL (
  name intermediate.artifacts,
  kind FULL,
  grain artifact_id,
  audits (
    not_null(
      columns := (artifact_id, artifact_source, artifact_namespace, artifact_name, artifact_type)
    ),
    unique_values(columns := (
      artifact_id
    ))
  )
);

WITH repositories AS (
  SELECT
    artifact_id,
    'GITHUB' AS artifact_source,
    artifact_namespace,
    artifact_name,
    MAX(repository_source_id) AS repository_source_id,
    LOGICAL_OR(has_git_history) AS has_git_history
  FROM intermediate.repositories
  GROUP BY
    artifact_id,
    artifact_namespace,
    artifact_name
), collectives AS (
  SELECT
    account_id,
    account_name
  FROM staging.open_collective_accounts
  UNION DISTINCT
  SELECT
    @entity_id('OPEN_COLLECTIVE', '', giver_name) AS account_id,
    giver_name AS account_name
  FROM intermediate.open_collective_funding
  WHERE
    NOT giver_name IS NULL
  UNION DISTINCT
  SELECT
    receiver_id AS account_id,
    receiver_name AS account_name
  FROM intermediate.open_collective_funding
), others AS (
  SELECT
    @entity_id(
      COALESCE(chains.chain, listed.artifact_source),
      listed.artifact_namespace,
      listed.artifact_name
    ) AS artifact_id,
    COALESCE(chains.chain, listed.artifact_source) AS artifact_source,
    listed.artifact_namespace,
    listed.artifact_name,
    listed.artifact_type,
    listed.artifact_url
  FROM staging.directory_artifacts AS listed
  /* Only any_evm stands for several chains. */
  LEFT JOIN seeds.chains AS chains
    ON listed.artifact_source = 'ANY_EVM'
  WHERE
    listed.artifact_source <> 'GITHUB'
  UNION ALL
  SELECT
    funder_id AS artifact_id,
    'OSS_FUNDING' AS artifact_source,
    '' AS artifact_namespace,
    funder_name AS artifact_name,
    'ACCOUNT' AS artifact_type,
    CAST(NULL AS STRING) AS artifact_url
  FROM staging.grants
  UNION ALL
  SELECT
    receiver_id AS artifact_id,
    'OSS_FUNDING' AS artifact_source,
    '' AS artifact_namespace,
    receiver_name AS artifact_name,
    'ACCOUNT' AS artifact_type,
    CAST(NULL AS STRING) AS artifact_url
  FROM staging.grants
  WHERE
    NOT receiver_id IS NULL
  UNION ALL
  SELECT
    account_id AS artifact_id,
    'OPEN_COLLECTIVE' AS artifact_source,
    '' AS artifact_namespace,
    account_name AS artifact_name,
    'ACCOUNT' AS artifact_type,
    CONCAT('https://opencollective.com/', account_name) AS artifact_url
  FROM collectives
  UNION ALL
  SELECT
    package_id AS artifact_id,
    package_source AS artifact_source,
    package_namespace AS artifact_namespace,
    package_name AS artifact_name,
    'PACKAGE' AS artifact_type,
    CAST(NULL AS STRING) AS artifact_url
  FROM intermediate.packages
)
SELECT
  CAST(artifact_id AS STRING) AS artifact_id, /* The artifact's id. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system it lives in, such as GITHUB. */
  CAST(artifact_namespace AS STRING) AS artifact_namespace, /* The owner or scope; empty where there is none. */
  CAST(artifact_name AS STRING) AS artifact_name, /* Its name there. */
  CAST('REPOSITORY' AS STRING) AS artifact_type, /* What it is, such as REPOSITORY. */
  CAST(repository_source_id AS STRING) AS artifact_source_id, /* The id that its source gave it, kept over renames; NULL where unknown. */
  CAST(CONCAT('https://github.com/', artifact_namespace, '/', artifact_name) AS STRING) AS artifact_url, /* Where to find it. */
  CAST(has_git_history AS BOOL) AS has_git_history /* Whether its git history was collected. */
FROM repositories
UNION ALL
SELECT
  CAST(artifact_id AS STRING) AS artifact_id,
  CAST(MIN(artifact_source) AS STRING) AS artifact_source,
  CAST(MIN(artifact_namespace) AS STRING) AS artifact_namespace,
  CAST(MIN(artifact_name) AS STRING) AS artifact_name,
  CAST(MIN(artifact_type) AS STRING) AS artifact_type,
  CAST(NULL AS STRING) AS artifact_source_id,
  CAST(MIN(artifact_url) AS STRING) AS artifact_url,
  CAST(FALSE AS BOOL) AS has_git_history
FROM others
GROUP BY
  artifact_id
