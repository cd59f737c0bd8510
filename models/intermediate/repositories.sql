/*
  One row is a name under which a repository of GitHub is known, and the artifact that it means.
  Names come from events, from git histories, from the directory and from bills of materials. A repository is the artifact of its
  newest name; a name that several repositories bore means the one that bore it last.
*/
MODEL (
  name intermediate.repositories,
  kind FULL,
  grain repository_name,
  audits (
    not_null(
      columns := (repository_name, artifact_id, artifact_namespace, artifact_name, has_git_history)
    ),
    unique_values(columns := (
      repository_name
    ))
  )
);

WITH bearers AS (
  SELECT
    repository_name,
    repository_source_id
  FROM intermediate.repository_names
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY repository_name
      ORDER BY repository_source_id < 0, last_seen_at DESC, repository_source_id DESC
    ) = 1
), histories AS (
  SELECT DISTINCT
    repository_name
  FROM staging.git_commits
), names AS (
  SELECT
    repository_name
  FROM bearers
  UNION DISTINCT
  SELECT
    repository_name
  FROM histories
  UNION DISTINCT
  SELECT
    repository_name
  FROM staging.repository_packages
  UNION DISTINCT
  SELECT
    @lower_ascii(CONCAT(artifact_namespace, '/', artifact_name)) AS repository_name
  FROM staging.directory_artifacts
  WHERE
    artifact_source = 'GITHUB' AND artifact_name <> ''
), resolved AS (
  SELECT
    names.repository_name,
    newest.repository_source_id,
    COALESCE(newest.repository_name, names.repository_name) AS newest_name,
    NOT histories.repository_name IS NULL AS has_own_history
  FROM names
  /* Names without a bearer were never seen in events. */
  LEFT JOIN bearers
    ON bearers.repository_name = names.repository_name
  LEFT JOIN intermediate.github_repositories AS newest
    ON newest.repository_source_id = bearers.repository_source_id
  /* Most repositories have no history. */
  LEFT JOIN histories
    ON histories.repository_name = names.repository_name
), addressed AS (
  SELECT
    repository_name,
    repository_source_id,
    SUBSTR(newest_name, 1, INSTR(newest_name, '/') - 1) AS artifact_namespace,
    SUBSTR(newest_name, INSTR(newest_name, '/') + 1) AS artifact_name,
    LOGICAL_OR(has_own_history) OVER (PARTITION BY newest_name) AS has_git_history
  FROM resolved
)
SELECT
  CAST(repository_name AS STRING) AS repository_name, /* owner/name, in lower case: the newest or an earlier one. */
  CAST(@entity_id('GITHUB', artifact_namespace, artifact_name) AS STRING) AS artifact_id, /* The repository. */
  CAST(artifact_namespace AS STRING) AS artifact_namespace, /* Its owner now. */
  CAST(artifact_name AS STRING) AS artifact_name, /* Its name now. */
  CAST(IF(repository_source_id >= 0, repository_source_id, NULL) AS INT64) AS repository_source_id, /* Its numeric id at GitHub; NULL where no event told it. */
  CAST(has_git_history AS BOOL) AS has_git_history /* Whether its git history was collected. */
FROM addressed
