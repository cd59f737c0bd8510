/*
  One row is a repository of GitHub that was seen in events, under its newest name.
  Two repositories that bore the same name last (one was deleted, another made) are one artifact.
  One of which only the name was told is the repository that bore the name, the last one where several did.
*/
MODEL (
  name intermediate.github_repositories,
  kind FULL,
  grain repository_source_id,
  audits (
    not_null(columns := (repository_source_id, repository_name, artifact_id, last_seen_at)),
    unique_values(columns := (
      repository_source_id
    ))
  )
);

WITH seen AS (
  SELECT
    repository_source_id,
    repository_name,
    MAX(last_seen_at) AS last_seen_at
  FROM intermediate.repository_names
  GROUP BY
    repository_source_id,
    repository_name
), newest AS (
  SELECT
    repository_source_id,
    repository_name,
    last_seen_at
  FROM seen
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY repository_source_id ORDER BY last_seen_at DESC, repository_name) = 1
), bearers AS (
  SELECT
    repository_name,
    repository_source_id
  FROM seen
  WHERE
    repository_source_id >= 0
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY repository_name
      ORDER BY last_seen_at DESC, repository_source_id DESC
    ) = 1
), resolved AS (
  SELECT
    newest.repository_source_id,
    COALESCE(real_ones.repository_name, newest.repository_name) AS repository_name,
    newest.last_seen_at
  FROM newest
  /* Only an id that is derived from a name has to be looked up by it. */
  LEFT JOIN bearers
    ON newest.repository_source_id < 0
    AND bearers.repository_name = newest.repository_name
  /* Nobody may have seen the repository itself. */
  LEFT JOIN newest AS real_ones
    ON real_ones.repository_source_id = bearers.repository_source_id
)
SELECT
  CAST(repository_source_id AS INT64) AS repository_source_id, /* The repository's numeric id at GitHub; negative where it is derived from the name. */
  CAST(repository_name AS STRING) AS repository_name, /* Its newest name: owner/name, in lower case. */
  CAST(@entity_id(
    'GITHUB',
    SUBSTR(repository_name, 1, INSTR(repository_name, '/') - 1),
    SUBSTR(repository_name, INSTR(repository_name, '/') + 1)
  ) AS STRING) AS artifact_id, /* The artifact that it is. */
  CAST(last_seen_at AS TIMESTAMP) AS last_seen_at /* Its last event under that name. */
FROM resolved
