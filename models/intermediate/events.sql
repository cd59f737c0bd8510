/*
  One row is something that happened to an artifact: every event, commit, grant and version of a package that we count,
  the downloads of a package on a day, the calls of a contract by an account on a day, and what packages began
  or ceased to depend on.
*/
MODEL (
  name intermediate.events,
  kind VIEW,
  grain event_id,
  audits (
    not_null(columns := (time, event_type, event_source, to_artifact_id, amount)), /* Not the hashes that are made here of what is never NULL: they would be made for nothing else. */
    forall(
      criteria := (
        event_source = 'GITHUB'
        OR event_type IN ('DOWNLOADED', 'FUNDING_RECEIVED', 'PACKAGE_RELEASED')
        OR NOT from_actor_id IS NULL
      )
    )
  )
);

SELECT
  CAST(@entity_id('GITHUB_EVENT', '', events.event_id) AS STRING) AS event_id, /* The event's id. */
  CAST(events.created_at AS TIMESTAMP) AS time, /* When it happened. */
  CAST(events.event_type AS STRING) AS event_type, /* One of the types in seeds.event_types. */
  CAST('GITHUB' AS STRING) AS event_source, /* Where it was recorded: GITHUB, GIT, OSS_FUNDING, OPEN_COLLECTIVE, the package's registry, or the contract's chain. */
  CAST(repositories.artifact_id AS STRING) AS to_artifact_id, /* The artifact that it happened to. */
  CAST(@entity_id('GITHUB_ACCOUNT', '', COALESCE(accounts.account, events.account)) AS STRING) AS from_actor_id, /* The account, address or package that did it; NULL where registries do not tell, or a funder hides. A person may be several. */
  @decimal(1) AS amount /* How much: 1, US dollars of funding, or how many downloads. */
FROM intermediate.github_events AS events
JOIN intermediate.github_repositories AS repositories
  ON repositories.repository_source_id = events.repository_source_id
/* Most accounts are known by their ids. */
LEFT JOIN intermediate.github_accounts AS accounts
  ON accounts.login_account = events.account
UNION ALL
SELECT
  CAST(@entity_id('COMMIT', artifacts.artifact_id, commits.sha) AS STRING) AS event_id,
  CAST(commits.committed_at AS TIMESTAMP) AS time,
  CAST('COMMIT_CODE' AS STRING) AS event_type,
  CAST(commits.event_source AS STRING) AS event_source,
  CAST(artifacts.artifact_id AS STRING) AS to_artifact_id,
  CAST(commits.actor_id AS STRING) AS from_actor_id,
  @decimal(1) AS amount
FROM intermediate.commits AS commits
JOIN intermediate.artifacts AS artifacts
  ON @key(artifacts.artifact_id) = commits.artifact_key
UNION ALL
SELECT
  CAST(@entity_id('GRANT', '', funding_id) AS STRING) AS event_id,
  CAST(funding_date AS TIMESTAMP) AS time,
  CAST('FUNDING_RECEIVED' AS STRING) AS event_type,
  CAST(funding_source AS STRING) AS event_source,
  CAST(receiver_id AS STRING) AS to_artifact_id,
  CAST(funder_id AS STRING) AS from_actor_id,
  @decimal(amount_usd) AS amount
FROM intermediate.funding
WHERE
  NOT receiver_id IS NULL
UNION ALL
SELECT
  CAST(@entity_id('PACKAGE_VERSION', package_id, TO_HEX(SHA256(version))) AS STRING) AS event_id, /* Hashed, since versions tell capitals apart. */
  CAST(released_at AS TIMESTAMP) AS time,
  CAST('PACKAGE_RELEASED' AS STRING) AS event_type,
  CAST(package_source AS STRING) AS event_source,
  CAST(package_id AS STRING) AS to_artifact_id,
  CAST(NULL AS STRING) AS from_actor_id,
  @decimal(1) AS amount
FROM staging.package_versions
WHERE
  NOT released_at IS NULL
UNION ALL
SELECT
  CAST(@entity_id('DOWNLOADS', package_id, CAST(download_date AS STRING)) AS STRING) AS event_id,
  CAST(download_date AS TIMESTAMP) AS time,
  CAST('DOWNLOADED' AS STRING) AS event_type,
  CAST(package_source AS STRING) AS event_source,
  CAST(package_id AS STRING) AS to_artifact_id,
  CAST(NULL AS STRING) AS from_actor_id,
  @decimal(download_count) AS amount
FROM staging.package_downloads
WHERE
  download_count > 0
UNION ALL
SELECT
  CAST(@entity_id('CONTRACT_CALLS', contract_id, CONCAT(caller_id, CAST(call_date AS STRING))) AS STRING) AS event_id,
  CAST(call_date AS TIMESTAMP) AS time,
  CAST('CONTRACT_INVOKED' AS STRING) AS event_type,
  CAST(chain AS STRING) AS event_source,
  CAST(contract_id AS STRING) AS to_artifact_id,
  CAST(caller_id AS STRING) AS from_actor_id,
  @decimal(invocation_count) AS amount
FROM staging.contract_calls
WHERE
  invocation_count > 0
UNION ALL
SELECT
  CAST(@entity_id(
    'DEPENDENCY_CHANGE',
    changes.dependent_id,
    CONCAT(changes.dependency_id, CAST(changes.change_date AS STRING))
  ) AS STRING) AS event_id,
  CAST(changes.change_date AS TIMESTAMP) AS time,
  CAST(IF(changes.is_added, 'DEPENDENCY_ADDED', 'DEPENDENCY_REMOVED') AS STRING) AS event_type,
  CAST(packages.package_source AS STRING) AS event_source,
  CAST(changes.dependency_id AS STRING) AS to_artifact_id,
  CAST(changes.dependent_id AS STRING) AS from_actor_id,
  @decimal(1) AS amount
FROM intermediate.dependency_changes AS changes
JOIN intermediate.packages AS packages
  ON packages.package_id = changes.dependent_id
