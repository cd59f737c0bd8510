/*
  One row is what one person did to one artifact on one day, of one type of event.
  The compact facts that every metric is made from; a change of membership re-reads these and nothing before them.
*/
MODEL (
  name intermediate.actor_activity_daily,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (artifact_key, activity_date))
  ),
  grain (artifact_key, activity_date, person_key, event_type, is_bot),
  audits (
    not_null(
      columns := (artifact_key, activity_date, person_key, event_type, is_bot, event_count)
    ),
    unique_combination_of_columns(columns := (artifact_key, activity_date, person_key, event_type, is_bot)),
    forall(criteria := (
      event_count > 0
    ))
  )
);

WITH accounts AS (
  SELECT
    seen.account,
    @key(@entity_id('GITHUB_ACCOUNT', '', COALESCE(known.account, seen.account))) AS actor_key
  FROM (
    SELECT DISTINCT
      account
    FROM intermediate.github_activity_daily
  ) AS seen
  /* Most accounts are known by their ids. */
  LEFT JOIN intermediate.github_accounts AS known
    ON known.login_account = seen.account
), people AS (
  /* Few do all that is done: who somebody is, is asked once and not once a row. */
  SELECT
    accounts.account,
    COALESCE(@key(persons.person_id), accounts.actor_key) AS person_key
  FROM accounts
  /* Whom nothing links to anybody is a person, too. */
  LEFT JOIN intermediate.persons AS persons
    ON @key(persons.actor_id) = accounts.actor_key
), repositories AS (
  SELECT
    repository_source_id,
    @key(artifact_id) AS artifact_key
  FROM intermediate.github_repositories
), facts AS (
  SELECT
    repositories.artifact_key,
    activity.activity_date,
    people.person_key,
    activity.event_type,
    activity.is_bot,
    activity.event_count
  FROM intermediate.github_activity_daily AS activity
  JOIN repositories
    ON repositories.repository_source_id = activity.repository_source_id
  JOIN people
    ON people.account = activity.account
  UNION ALL
  SELECT
    artifact_key,
    activity_date,
    @key(person_id) AS person_key,
    'COMMIT_CODE' AS event_type,
    is_bot,
    1 AS event_count
  FROM intermediate.commits
)
SELECT
  CAST(artifact_key AS INT64) AS artifact_key, /* The artifact's number. */
  CAST(activity_date AS DATE) AS activity_date, /* The day, in UTC. */
  CAST(person_key AS INT64) AS person_key, /* The number of who did it. */
  CAST(event_type AS STRING) AS event_type, /* One of the types in seeds.event_types. */
  CAST(is_bot AS BOOL) AS is_bot, /* Whether that is a bot. */
  CAST(SUM(event_count) AS INT64) AS event_count /* How many events. */
FROM facts
GROUP BY
  artifact_key,
  activity_date,
  person_key,
  event_type,
  is_bot
