/* One row is something that happened to an artifact: every event, commit and grant that we count. */
MODEL (
  name intermediate.events,
  kind VIEW,
  grain event_id,
  audits (
    not_null(
      columns := (event_id, time, event_type, event_source, to_artifact_id, from_actor_id, amount)
    )
  )
);

SELECT
  CAST(@entity_id('GITHUB_EVENT', '', events.event_id) AS STRING) AS event_id, /* The event's id. */
  CAST(events.created_at AS TIMESTAMP) AS time, /* When it happened. */
  CAST(events.event_type AS STRING) AS event_type, /* One of the types in seeds.event_types. */
  CAST('GITHUB' AS STRING) AS event_source, /* Where it was recorded: GITHUB, GIT or OSS_FUNDING. */
  CAST(repositories.artifact_id AS STRING) AS to_artifact_id, /* The artifact that it happened to. */
  CAST(@entity_id('GITHUB_ACCOUNT', '', COALESCE(accounts.account, events.account)) AS STRING) AS from_actor_id, /* The account or address that did it; a person may be several. */
  @decimal(1) AS amount /* How much: 1, or US dollars of funding. */
FROM intermediate.github_events AS events
JOIN intermediate.github_repositories AS repositories
  ON repositories.repository_source_id = events.repository_source_id
/* Most accounts are known by their ids. */
LEFT JOIN intermediate.github_accounts AS accounts
  ON accounts.login_account = events.account
UNION ALL
SELECT
  CAST(@entity_id('COMMIT', artifact_id, sha) AS STRING) AS event_id,
  CAST(committed_at AS TIMESTAMP) AS time,
  CAST('COMMIT_CODE' AS STRING) AS event_type,
  CAST(event_source AS STRING) AS event_source,
  CAST(artifact_id AS STRING) AS to_artifact_id,
  CAST(actor_id AS STRING) AS from_actor_id,
  @decimal(1) AS amount
FROM intermediate.commits
UNION ALL
SELECT
  CAST(@entity_id('GRANT', '', grant_id) AS STRING) AS event_id,
  CAST(funding_date AS TIMESTAMP) AS time,
  CAST('FUNDING_RECEIVED' AS STRING) AS event_type,
  CAST('OSS_FUNDING' AS STRING) AS event_source,
  CAST(receiver_id AS STRING) AS to_artifact_id,
  CAST(funder_id AS STRING) AS from_actor_id,
  @decimal(amount_usd) AS amount
FROM staging.grants
WHERE
  NOT receiver_id IS NULL
