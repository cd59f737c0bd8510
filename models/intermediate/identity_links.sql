/*
  One row is a reason to take two actors for one person: an address that authored commits, and an account or
  another address. Nothing that many people share makes a link, and nothing that is a bot's.
  An address is known by a keyed hash here as everywhere after staging.
*/
MODEL (
  name intermediate.identity_links,
  kind FULL,
  grain (actor_id, other_actor_id, reason),
  audits (
    not_null(columns := (actor_id, other_actor_id, reason, commit_count)),
    unique_combination_of_columns(columns := (actor_id, other_actor_id, reason)),
    accepted_values(column := reason, is_in := ('NOREPLY', 'NOREPLY_HASH', 'MAILMAP', 'SAME_ADDRESS')),
    forall(criteria := (actor_id <> other_actor_id, commit_count > 0))
  )
);

WITH bearers AS (
  SELECT DISTINCT
    COALESCE(accounts.account, events.account) AS account,
    events.actor_login AS login
  FROM intermediate.github_thread_events AS events
  /* Most accounts are known by their ids. */
  LEFT JOIN intermediate.github_accounts AS accounts
    ON accounts.login_account = events.account
  WHERE
    NOT events.is_bot AND NOT events.actor_login IS NULL
), logins AS (
  SELECT
    login,
    MIN(account) AS account,
    COUNT(*) AS account_count
  FROM bearers
  GROUP BY
    login
), own_addresses AS (
  SELECT
    account,
    CONCAT(account, '+', login) AS local_part
  FROM bearers
  UNION ALL
  /* What several bore, one after the other, is no one's address. */
  SELECT
    account,
    login AS local_part
  FROM logins
  WHERE
    account_count = 1
), hashed_addresses AS (
  SELECT
    account,
    @email_id(TO_HEX(SHA256(CONCAT(local_part, '@users.noreply.github.com')))) AS actor_id
  FROM own_addresses
), found AS (
  SELECT
    commits.signer_id AS actor_id,
    @entity_id('GITHUB_ACCOUNT', '', COALESCE(logins.account, commits.noreply_account)) AS other_actor_id,
    'NOREPLY' AS reason
  FROM staging.git_commits AS commits
  /* An account may have done nothing else; it joins the addresses that name it all the same. */
  LEFT JOIN logins
    ON CONCAT('@', logins.login) = commits.noreply_account
  WHERE
    NOT commits.noreply_account IS NULL AND COALESCE(logins.account_count, 1) = 1
  UNION ALL
  SELECT
    commits.person_id AS actor_id,
    commits.signer_id AS other_actor_id,
    'MAILMAP' AS reason
  FROM staging.git_commits AS commits
  WHERE
    commits.person_id <> commits.signer_id
  UNION ALL
  SELECT
    pushed.person_id AS actor_id,
    @entity_id('GITHUB_ACCOUNT', '', addresses.account) AS other_actor_id,
    'NOREPLY_HASH' AS reason
  FROM intermediate.pushed_commits AS pushed
  JOIN hashed_addresses AS addresses
    ON addresses.actor_id = pushed.person_id
  UNION ALL
  SELECT
    commits.signer_id AS actor_id,
    commits.pusher_id AS other_actor_id,
    'SAME_ADDRESS' AS reason
  FROM staging.git_commits AS commits
  WHERE
    commits.pusher_id <> commits.signer_id
    AND commits.pusher_id IN (
      SELECT
        pushed.person_id
      FROM intermediate.pushed_commits AS pushed
    )
), nobodies AS (
  SELECT
    @email_id(email_sha256) AS actor_id
  FROM seeds.shared_addresses
  UNION DISTINCT
  SELECT
    person_id AS actor_id
  FROM staging.git_commits
  WHERE
    is_bot
  UNION DISTINCT
  SELECT
    signer_id AS actor_id
  FROM staging.git_commits
  WHERE
    is_bot
  UNION DISTINCT
  SELECT
    person_id AS actor_id
  FROM intermediate.pushed_commits
  WHERE
    is_bot
  UNION DISTINCT
  SELECT
    @entity_id('GITHUB_ACCOUNT', '', account) AS actor_id
  FROM intermediate.github_thread_events
  WHERE
    is_bot
)
SELECT
  CAST(found.actor_id AS STRING) AS actor_id, /* The address, by a keyed hash. */
  CAST(found.other_actor_id AS STRING) AS other_actor_id, /* The account, or another address that a .mailmap joins with it. */
  CAST(found.reason AS STRING) AS reason, /* NOREPLY: GitHub gave the account that address, as the address says; NOREPLY_HASH: as its hash shows; MAILMAP: a repository says so; SAME_ADDRESS: it is the same in pushes, which tell it otherwise. */
  CAST(COUNT(*) AS INT64) AS commit_count /* How many commits tell so. */
FROM found
/* Nearly everybody is somebody. */
LEFT JOIN nobodies AS ones
  ON ones.actor_id = found.actor_id
LEFT JOIN nobodies AS others
  ON others.actor_id = found.other_actor_id
WHERE
  ones.actor_id IS NULL AND others.actor_id IS NULL
GROUP BY
  found.actor_id,
  found.other_actor_id,
  found.reason
