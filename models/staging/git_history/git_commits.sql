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
    COALESCE(author_canon_email_sha256, author_email_sha256) AS email_sha256,
    COALESCE(author_email_sha256, author_canon_email_sha256) AS signed_email_sha256,
    author_pushed_email_sha256,
    author_noreply_id,
    author_noreply_login,
    committer_time,
    is_merge,
    additions,
    deletions
  FROM raw.git_history__commits
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY @lower_ascii(repo), sha ORDER BY _load_id DESC) = 1
)
SELECT
  CAST(@lower_ascii(repo) AS STRING) AS repository_name, /* owner/name, in lower case. */
  CAST(sha AS STRING) AS sha, /* The commit's hash. */
  CAST(committer_time AS TIMESTAMP) AS committed_at, /* When it entered the history (committer time). */
  CAST(@email_id(COALESCE(email_sha256, author_name, '')) AS STRING) AS person_id, /* The author, by a keyed hash of the address. */
  CAST(@email_id(COALESCE(signed_email_sha256, author_name, '')) AS STRING) AS signer_id, /* The author as the commit itself says, before the .mailmap, likewise. */
  CAST(@email_id(author_pushed_email_sha256) AS STRING) AS pusher_id, /* The author as pushes tell the same address; NULL where that is not known. */
  CAST(COALESCE(CAST(author_noreply_id AS STRING), CONCAT('@', @lower_ascii(author_noreply_login))) AS STRING) AS noreply_account, /* The account that GitHub gave the address: its numeric id, or else @ and its login; NULL for other addresses. */
  CAST(@is_bot(COALESCE(author_canon_name, author_name), author_noreply_login) AS BOOL) AS is_bot, /* Whether the author is a bot. */
  CAST(is_merge AS BOOL) AS is_merge, /* Whether it has several parents. */
  CAST(additions AS INT64) AS addition_count, /* Lines added; NULL for merges. */
  CAST(deletions AS INT64) AS deletion_count /* Lines deleted; NULL for merges. */
FROM latest
