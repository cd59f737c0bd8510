/* One row is a repository of GitHub that the directory lists or that was seen in events or git histories. */
MODEL (
  name marts.repositories_v1,
  kind FULL,
  grain artifact_id,
  audits (
    not_null(columns := (artifact_id, owner_name, repository_name, has_git_history)),
    unique_values(columns := (
      artifact_id
    ))
  )
);

WITH commits AS (
  SELECT
    artifact_key,
    MIN(committed_at) AS first_committed_at,
    MAX(committed_at) AS last_committed_at
  FROM intermediate.commits
  WHERE
    NOT is_bot
  GROUP BY
    artifact_key
)
SELECT
  CAST(artifacts.artifact_id AS STRING) AS artifact_id, /* The artifact that it is. */
  CAST(artifacts.artifact_namespace AS STRING) AS owner_name, /* The owner, in lower case. */
  CAST(artifacts.artifact_name AS STRING) AS repository_name, /* The name, in lower case. */
  CAST(artifacts.artifact_source_id AS STRING) AS repository_source_id, /* The numeric id at GitHub, kept over renames; NULL where unknown. */
  CAST(artifacts.artifact_url AS STRING) AS repository_url, /* Where to find it. */
  CAST(artifacts.has_git_history AS BOOL) AS has_git_history, /* Whether its git history was collected. */
  CAST(commits.first_committed_at AS TIMESTAMP) AS first_committed_at, /* Its first commit that is no merge and by no bot; NULL where none is known. */
  CAST(commits.last_committed_at AS TIMESTAMP) AS last_committed_at /* Its last such commit. */
FROM intermediate.artifacts AS artifacts
/* Many repositories have no known commit. */
LEFT JOIN commits
  ON commits.artifact_key = @key(artifacts.artifact_id)
WHERE
  artifacts.artifact_type = 'REPOSITORY'
