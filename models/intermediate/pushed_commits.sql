/*
  One row is a commit that pushes of one day listed, in one repository.
  Stands in for the history of repositories whose history was not collected;
  its day is that of the push, since the source tells no committer time.
*/
MODEL (
  name intermediate.pushed_commits,
  kind INCREMENTAL_BY_TIME_RANGE (
    time_column pushed_at,
    lookback 2
  ),
  cron '@daily',
  grain (pushed_at, repository_source_id, sha),
  audits (
    not_null(columns := (repository_source_id, sha, person_id, is_bot)),
    unique_combination_of_columns(columns := (pushed_at, repository_source_id, sha))
  )
);

WITH listed AS (
  SELECT
    events.created_at,
    events.repository_source_id,
    events.listed_commit.sha AS sha,
    COALESCE(events.listed_commit.author_email_sha256, events.listed_commit.author_name, '') AS author,
    events.listed_commit.author_name AS author_name
  FROM @unnested(staging.github_events, commits, listed_commit) AS events
  WHERE
    events.type = 'PushEvent'
    AND events.created_at BETWEEN @start_ts AND @end_ts
    AND NOT events.listed_commit.sha IS NULL
), first_listed AS (
  SELECT
    *
  FROM listed
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY CAST(created_at AS DATE), repository_source_id, sha
      ORDER BY created_at, author, author_name
    ) = 1
), authors AS (
  /* Few sign many commits: an address is hashed once, and not once a commit. */
  SELECT
    author,
    @email_id(author) AS person_id
  FROM first_listed
  GROUP BY
    author
)
SELECT
  CAST(first_listed.created_at AS TIMESTAMP) AS pushed_at, /* When it was first pushed on that day. */
  CAST(first_listed.repository_source_id AS INT64) AS repository_source_id, /* The repository's numeric id at GitHub. */
  CAST(first_listed.sha AS STRING) AS sha, /* The commit's hash. */
  CAST(authors.person_id AS STRING) AS person_id, /* The author, by a keyed hash of the address. */
  CAST(@is_bot(first_listed.author_name) AS BOOL) AS is_bot /* Whether the author is a bot. */
FROM first_listed
JOIN authors
  ON authors.author = first_listed.author
