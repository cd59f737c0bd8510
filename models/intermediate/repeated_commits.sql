/*
  One row is a commit that stands in several repositories of a subject, in each of them but the one where it counts.
  What is added up over repositories counts these too often.
*/
MODEL (
  name intermediate.repeated_commits,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key, through = intermediate.entities)
  ),
  grain (subject_key, artifact_key, sha),
  audits (
    not_null(columns := (subject_key, artifact_key, sha, activity_date, person_key, is_bot)),
    unique_combination_of_columns(columns := (subject_key, artifact_key, sha))
  )
);

WITH shared AS (
  SELECT
    sha
  FROM intermediate.commits
  GROUP BY
    sha
  HAVING
    COUNT(*) > 1
)
SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(commits.artifact_key AS INT64) AS artifact_key, /* The repository's number. */
  CAST(commits.sha AS STRING) AS sha, /* The commit's hash. */
  CAST(commits.activity_date AS DATE) AS activity_date, /* The day, in UTC. */
  CAST(@key(commits.person_id) AS INT64) AS person_key, /* The author's number. */
  CAST(commits.is_bot AS BOOL) AS is_bot /* Whether the author is a bot. */
FROM shared
JOIN intermediate.commits AS commits
  ON commits.sha = shared.sha
JOIN intermediate.entities AS entities
  ON entities.artifact_key = commits.artifact_key
WHERE
  entities.entity_type <> 'artifact'
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY entities.subject_key, commits.sha
    ORDER BY commits.committed_at, commits.person_id, commits.is_bot, commits.artifact_key
  ) > 1
