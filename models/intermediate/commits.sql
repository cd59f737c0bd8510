/*
  One row is a commit of a repository, merge commits left out.
  Its author is a person, who may have signed others with another address or done things under an account.
  Taken from the git history where that was collected, and from pushes where it was not, never from both.
*/
MODEL (
  name intermediate.commits,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (tells = activity_date)
  ),
  grain (artifact_key, sha),
  audits (
    not_null(
      columns := (artifact_key, sha, committed_at, actor_id, person_id, is_bot, event_source)
    ),
    unique_combination_of_columns(columns := (artifact_key, sha)),
    repository_tells_authors_apart
  )
);

WITH found AS (
  SELECT
    @key(repositories.artifact_id) AS artifact_key,
    commits.sha,
    commits.committed_at,
    commits.person_id AS actor_id,
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
    pushed.person_id AS actor_id,
    pushed.is_bot,
    'GITHUB' AS event_source
  FROM intermediate.pushed_commits AS pushed
  JOIN intermediate.github_repositories AS repositories
    ON repositories.repository_source_id = pushed.repository_source_id
  JOIN intermediate.artifacts AS artifacts
    ON artifacts.artifact_id = repositories.artifact_id
  WHERE
    NOT artifacts.has_git_history
), kept AS (
  SELECT
    *
  FROM found
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY artifact_key, sha
      ORDER BY committed_at, actor_id, is_bot, event_source
    ) = 1
)
SELECT
  CAST(kept.artifact_key AS INT64) AS artifact_key, /* The repository's number. */
  CAST(kept.sha AS STRING) AS sha, /* The commit's hash. */
  CAST(kept.committed_at AS TIMESTAMP) AS committed_at, /* Committer time; the time of the first push where only that is known. */
  CAST(kept.committed_at AS DATE) AS activity_date, /* Its day, in UTC. */
  CAST(kept.actor_id AS STRING) AS actor_id, /* The author, by the address. */
  CAST(COALESCE(persons.person_id, kept.actor_id) AS STRING) AS person_id, /* The person that the author is. */
  CAST(kept.is_bot AS BOOL) AS is_bot, /* Whether the author is a bot. */
  CAST(kept.event_source AS STRING) AS event_source /* GIT, or GITHUB for commits known from pushes. */
FROM kept
/* Whom nothing links to anybody is a person, too. */
LEFT JOIN intermediate.persons AS persons
  ON persons.actor_id = kept.actor_id
