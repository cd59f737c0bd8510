/*
  One row is what one person did to one artifact on one day, of one type of event.
  The compact facts that every metric is made from; a change of membership re-reads these and nothing before them.
*/
MODEL (
  name intermediate.actor_activity_daily,
  kind FULL,
  grain (artifact_id, activity_date, person_id, event_type),
  audits (
    not_null(
      columns := (artifact_id, activity_date, person_id, event_type, is_bot, event_count)
    ),
    unique_combination_of_columns(columns := (artifact_id, activity_date, person_id, event_type)),
    forall(criteria := (
      event_count > 0
    ))
  )
);

WITH on_github AS (
  SELECT
    repositories.artifact_id,
    activity.activity_date,
    COALESCE(accounts.account, activity.account) AS account,
    activity.event_type,
    LOGICAL_OR(activity.is_bot) AS is_bot,
    SUM(activity.event_count) AS event_count
  FROM intermediate.github_activity_daily AS activity
  JOIN intermediate.github_repositories AS repositories
    ON repositories.repository_source_id = activity.repository_source_id
  /* Most accounts are known by their ids. */
  LEFT JOIN intermediate.github_accounts AS accounts
    ON accounts.login_account = activity.account
  GROUP BY
    repositories.artifact_id,
    activity.activity_date,
    COALESCE(accounts.account, activity.account),
    activity.event_type
), by_accounts AS (
  SELECT
    artifact_id,
    activity_date,
    @entity_id('GITHUB_ACCOUNT', '', account) AS actor_id,
    event_type,
    is_bot,
    event_count
  FROM on_github
), by_persons AS (
  SELECT
    facts.artifact_id,
    facts.activity_date,
    COALESCE(persons.person_id, facts.actor_id) AS person_id,
    facts.event_type,
    facts.is_bot,
    facts.event_count
  FROM by_accounts AS facts
  /* Whom nothing links to anybody is a person, too. */
  LEFT JOIN intermediate.persons AS persons
    ON persons.actor_id = facts.actor_id
)
SELECT
  CAST(artifact_id AS STRING) AS artifact_id, /* The artifact. */
  CAST(activity_date AS DATE) AS activity_date, /* The day, in UTC. */
  CAST(person_id AS STRING) AS person_id, /* Who did it. */
  CAST(event_type AS STRING) AS event_type, /* One of the types in seeds.event_types. */
  CAST(LOGICAL_OR(is_bot) AS BOOL) AS is_bot, /* Whether that is a bot. */
  CAST(SUM(event_count) AS INT64) AS event_count /* How many events. */
FROM by_persons
GROUP BY
  artifact_id,
  activity_date,
  person_id,
  event_type
UNION ALL
SELECT
  CAST(artifact_id AS STRING) AS artifact_id,
  CAST(committed_at AS DATE) AS activity_date,
  CAST(person_id AS STRING) AS person_id,
  CAST('COMMIT_CODE' AS STRING) AS event_type,
  CAST(LOGICAL_OR(is_bot) AS BOOL) AS is_bot,
  CAST(COUNT(*) AS INT64) AS event_count
FROM intermediate.commits
GROUP BY
  artifact_id,
  CAST(committed_at AS DATE),
  person_id
