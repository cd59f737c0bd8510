/*
  How persons were told from accounts and addresses: one row is a count.
  Bots are in none of them. Nobody is named here; links are counted, never published.
*/
MODEL (
  name marts.identity_v1,
  kind FULL,
  grain measure,
  audits (
    not_null(columns := (measure, amount, description)),
    unique_values(columns := (
      measure
    )),
    forall(criteria := (
      amount >= 0
    ))
  )
);

WITH addresses AS (
  SELECT DISTINCT
    actor_id
  FROM intermediate.commits
  WHERE
    NOT is_bot
), accounts AS (
  SELECT DISTINCT
    @entity_id('GITHUB_ACCOUNT', '', COALESCE(accounts.account, activity.account)) AS actor_id
  FROM intermediate.github_activity_daily AS activity
  /* Most accounts are known by their ids. */
  LEFT JOIN intermediate.github_accounts AS accounts
    ON accounts.login_account = activity.account
  WHERE
    NOT activity.is_bot
), everybody AS (
  SELECT
    actor_id
  FROM addresses
  UNION ALL
  SELECT
    actor_id
  FROM accounts
), links AS (
  SELECT
    links.reason,
    ones.is_too_large,
    ones.person_id = others.person_id AS is_followed
  FROM intermediate.identity_links AS links
  JOIN intermediate.persons AS ones
    ON ones.actor_id = links.actor_id
  JOIN intermediate.persons AS others
    ON others.actor_id = links.other_actor_id
), counts AS (
  SELECT
    'accounts' AS measure,
    COUNT(*) AS amount,
    'Accounts of GitHub that did something.' AS description
  FROM accounts
  UNION ALL
  SELECT
    'addresses' AS measure,
    COUNT(*) AS amount,
    'Addresses that authored commits, after the .mailmap of each repository.' AS description
  FROM addresses
  UNION ALL
  SELECT
    'persons' AS measure,
    COUNT(DISTINCT COALESCE(persons.person_id, everybody.actor_id)) AS amount,
    'Persons that these accounts and addresses are.' AS description
  FROM everybody
  LEFT JOIN intermediate.persons AS persons
    ON persons.actor_id = everybody.actor_id
  UNION ALL
  SELECT
    'noreply_links' AS measure,
    COUNT(IF(reason = 'NOREPLY', 1, NULL)) AS amount,
    'Links of an address to the account that GitHub gave it, as the address in a git history says.' AS description
  FROM links
  UNION ALL
  SELECT
    'noreply_hash_links' AS measure,
    COUNT(IF(reason = 'NOREPLY_HASH', 1, NULL)) AS amount,
    'Links of the hash of an address in pushes to the account that GitHub gave such an address.' AS description
  FROM links
  UNION ALL
  SELECT
    'mailmap_links' AS measure,
    COUNT(IF(reason = 'MAILMAP', 1, NULL)) AS amount,
    'Links of an address to the one that the .mailmap of a repository puts in its place.' AS description
  FROM links
  UNION ALL
  SELECT
    'same_address_links' AS measure,
    COUNT(IF(reason = 'SAME_ADDRESS', 1, NULL)) AS amount,
    'Links of an address in a git history to the same in pushes, which tell it in another form.' AS description
  FROM links
  UNION ALL
  SELECT
    'contradicted_links' AS measure,
    COUNT(IF(NOT is_followed AND NOT is_too_large, 1, NULL)) AS amount,
    'Links that would join two whom a repository counts as two authors; they are not followed.' AS description
  FROM links
  UNION ALL
  SELECT
    'refused_components' AS measure,
    COUNT(DISTINCT IF(is_too_large, component_id, NULL)) AS amount,
    'Sets of linked accounts and addresses that are larger than a person; nobody in them is joined.' AS description
  FROM intermediate.persons
  UNION ALL
  SELECT
    'refused_actors' AS measure,
    COUNT(IF(is_too_large, 1, NULL)) AS amount,
    'Accounts and addresses in such sets.' AS description
  FROM intermediate.persons
)
SELECT
  CAST(measure AS STRING) AS measure, /* What is counted. */
  CAST(amount AS INT64) AS amount, /* How many there are. */
  CAST(description AS STRING) AS description /* What that means. */
FROM counts
