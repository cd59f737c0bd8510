/*
  One row is money that an account of Open Collective was given: a contribution, or funds added by its host.
  Left out are refunds and what was refunded, what an account moves to its own events and projects, what went to a
  person, and what is not known in US dollars. Where both accounts were collected, the receiver's side counts.
*/
MODEL (
  name intermediate.open_collective_funding,
  kind FULL,
  grain contribution_id,
  audits (
    not_null(
      columns := (contribution_id, contribution_date, amount_usd, receiver_name, receiver_id)
    ),
    unique_values(columns := (
      contribution_id
    )),
    forall(criteria := (amount_usd >= 0, giver_id IS NULL OR giver_id <> receiver_id))
  )
);

WITH refunded AS (
  SELECT
    refunded_group AS transaction_group
  FROM staging.open_collective_transactions
  WHERE
    is_refund AND NOT refunded_group IS NULL
  UNION DISTINCT
  SELECT
    transaction_group
  FROM staging.open_collective_transactions
  WHERE
    is_refunded
)
SELECT
  CAST(@entity_id('CONTRIBUTION', transaction_group, kind) AS STRING) AS contribution_id, /* The contribution. */
  CAST(created_at AS DATE) AS contribution_date, /* The day on which it was made. */
  @decimal(ABS(amount_usd)) AS amount_usd, /* How much, in US dollars of that day. */
  CAST(giver_name AS STRING) AS giver_name, /* Who gave it, by its slug; NULL for persons. */
  CAST(giver_id AS STRING) AS giver_id, /* The giver's account; a keyed hash for a person, NULL for one who hides. */
  CAST(receiver_name AS STRING) AS receiver_name, /* Who received it, by its slug. */
  CAST(receiver_id AS STRING) AS receiver_id /* The receiver's account. */
FROM staging.open_collective_transactions
WHERE
  kind IN ('ADDED_FUNDS', 'CONTRIBUTION')
  AND NOT is_refund
  AND NOT receiver_id IS NULL
  AND NOT amount_usd IS NULL
  AND (
    giver_id IS NULL OR giver_id <> receiver_id
  )
  AND NOT transaction_group IN (
    SELECT
      refunded.transaction_group
    FROM refunded
  )
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY transaction_group, kind ORDER BY transaction_type, transaction_id) = 1
