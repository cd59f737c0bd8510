/*
  One row is an actor that something links to another, with a number that stands for it among those.
  Accounts come first, so that the least of a person's actors is an account where there is one:
  an address that joins later does not make another person of it.
*/
MODEL (
  name intermediate.identity_actors,
  kind FULL,
  grain actor_id,
  audits (
    not_null(columns := (actor_id, actor_number)),
    unique_values(columns := (
      actor_id
    )),
    unique_values(columns := (
      actor_number
    ))
  )
);

WITH linked AS (
  SELECT
    actor_id,
    FALSE AS is_account
  FROM intermediate.identity_links
  UNION DISTINCT
  SELECT
    other_actor_id AS actor_id,
    reason IN ('NOREPLY', 'NOREPLY_HASH') AS is_account
  FROM intermediate.identity_links
)
SELECT
  CAST(actor_id AS STRING) AS actor_id, /* The actor: an account, or an address by a keyed hash. */
  CAST(ROW_NUMBER() OVER (ORDER BY IF(is_account, 0, 1), actor_id) - 1 AS INT64) AS actor_number /* Its number, from zero on. */
FROM linked
