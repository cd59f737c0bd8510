/*
  One row is a commit in the history of a repository's default branch.
  The person is the author after the repository's own .mailmap; no address leaves this layer.
  A commit that stands in several repositories has a row in each.
*/
MODEL (
  name staging.git_commits,
  kind FULL,
  grain (repository_name, sha),
  audits (
    not_null(
      columns := (repository_name, sha, committed_at, person_id, signer_id, is_merge, is_bot)
    ),
    unique_combination_of_columns(columns := (repository_name, sha))
  )
);

WITH latest AS (
  SELECT
    repo,
    sha,
    author_name,
    author_canon_name,
    COALESCE(author_canon_email_sha256, author_email_sha256, author_name, '') AS author,
    COALESCE(author_email_sha256, author_canon_email_sha256, author_name, '') AS signer,
    author_pushed_email_sha256 AS pusher,
    author_noreply_id,
    author_noreply_login,
    committer_time,
    is_merge,
    additions,
    deletions
  FROM @deduplicated(raw.git_history__commits, (@lower_ascii(repo), sha), -_load_id, TRUE) AS commits
), signatures AS (
  SELECT
    author AS signature
  FROM latest
  UNION DISTINCT
  SELECT
    signer AS signature
  FROM latest
  UNION DISTINCT
  SELECT
    pusher AS signature
  FROM latest
), actors AS (
  /* Few sign many commits: an address is hashed once, and not once a commit. */
  SELECT
    signature,
    @email_id(signature) AS actor_id
  FROM signatures
)
SELECT
  CAST(@lower_ascii(latest.repo) AS STRING) AS repository_name, /* owner/name, in lower case. */
  CAST(latest.sha AS STRING) AS sha, /* The commit's hash. */
  CAST(latest.committer_time AS TIMESTAMP) AS committed_at, /* When it entered the history (committer time). */
  CAST(authors.actor_id AS STRING) AS person_id, /* The author, by a keyed hash of the address. */
  CAST(signers.actor_id AS STRING) AS signer_id, /* The author as the commit itself says, before the .mailmap, likewise. */
  CAST(pushers.actor_id AS STRING) AS pusher_id, /* The author as pushes tell the same address; NULL where that is not known. */
  CAST(COALESCE(
    CAST(latest.author_noreply_id AS STRING),
    CONCAT('@', @lower_ascii(latest.author_noreply_login))
  ) AS STRING) AS noreply_account, /* The account that GitHub gave the address: its numeric id, or else @ and its login; NULL for other addresses. */
  CAST(@is_bot(
    COALESCE(latest.author_canon_name, latest.author_name),
    latest.author_noreply_login
  ) AS BOOL) AS is_bot, /* Whether the author is a bot. */
  CAST(latest.is_merge AS BOOL) AS is_merge, /* Whether it has several parents. */
  CAST(latest.additions AS INT64) AS addition_count, /* Lines added; NULL for merges. */
  CAST(latest.deletions AS INT64) AS deletion_count /* Lines deleted; NULL for merges. */
FROM latest
JOIN actors AS authors
  ON authors.signature = latest.author
JOIN actors AS signers
  ON signers.signature = latest.signer
/* How pushes tell an address is not always known. */
LEFT JOIN actors AS pushers
  ON pushers.signature = latest.pusher
