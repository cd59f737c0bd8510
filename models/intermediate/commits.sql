/*
  One row is a commit of a repository, merge commits left out.
  Taken from the git history where that was collected, and from pushes where it was not, never from both.
*/
MODEL (
  name intermediate.commits,
  kind FULL,
  grain (artifact_key, sha),
  audits (
    not_null(columns := (artifact_key, sha, committed_at, person_id, is_bot, event_source)),
    unique_combination_of_columns(columns := (artifact_key, sha))
  )
);

WITH found AS (
  SELECT
    @key(repositories.artifact_id) AS artifact_key,
    commits.sha,
    commits.committed_at,
    commits.person_id,
    commits.is_bot,
    'GIT' AS event_source
  FROM staging.git_commits AS commits
  JOIN intermediate.repositories AS repositories
    ON repositories.repository_name = commits.repository_name
  WHERE
    NOT commits.is_merge
  UNION ALL
  SELECT
    @key(artifacts.artifact_id) AS artifact_key,
    pushed.sha,
    pushed.pushed_at AS committed_at,
    pushed.person_id,
    pushed.is_bot,
    'GITHUB' AS event_source
  FROM intermediate.pushed_commits AS pushed
  JOIN intermediate.github_repositories AS repositories
    ON repositories.repository_source_id = pushed.repository_source_id
  JOIN intermediate.artifacts AS artifacts
    ON artifacts.artifact_id = repositories.artifact_id
  WHERE
    NOT artifacts.has_git_history
)
SELECT
  CAST(artifact_key AS INT64) AS artifact_key, /* The repository's number. */
  CAST(sha AS STRING) AS sha, /* The commit's hash. */
  CAST(committed_at AS TIMESTAMP) AS committed_at, /* Committer time; the time of the first push where only that is known. */
  CAST(person_id AS STRING) AS person_id, /* The author. */
  CAST(is_bot AS BOOL) AS is_bot, /* Whether the author is a bot. */
  CAST(event_source AS STRING) AS event_source /* GIT, or GITHUB for commits known from pushes. */
FROM found
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY artifact_key, sha
    ORDER BY committed_at, person_id, is_bot, event_source
  ) = 1
