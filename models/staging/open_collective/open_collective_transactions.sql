/*
  One row is a transaction of Open Collective: of one account, so that money between two that were collected has two.
  An event or a project is the account that holds it. Persons are known by a keyed hash, guests and incognito ones not at all.
*/
MODEL (
  name staging.open_collective_transactions,
  kind VIEW,
  grain transaction_id,
  audits (
    not_null(
      columns := (
        transaction_id,
        transaction_group,
        transaction_type,
        kind,
        created_at,
        amount,
        currency,
        is_refund,
        is_refunded
      )
    ),
    unique_values(columns := (
      transaction_id
    )),
    accepted_values(column := transaction_type, is_in := ('CREDIT', 'DEBIT')),
    forall(
      criteria := (
        NOT (
          NOT giver_name IS NULL AND giver_id IS NULL
        ),
        NOT (
          receiver_id IS NULL AND NOT receiver_name IS NULL
        )
      )
    )
  )
);

WITH newest AS (
  SELECT
    *,
    COALESCE(from_parent_slug, from_slug) AS giver_slug,
    COALESCE(to_parent_slug, to_slug) AS receiver_slug
  FROM raw.open_collective__transactions
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY id ORDER BY _load_id DESC, created_at) = 1
)
SELECT
  CAST(id AS STRING) AS transaction_id, /* The transaction. */
  CAST(transaction_group AS STRING) AS transaction_group, /* What it is one side or part of. */
  CAST(type AS STRING) AS transaction_type, /* CREDIT for the account that receives, DEBIT for the one that gives. */
  CAST(kind AS STRING) AS kind, /* CONTRIBUTION or ADDED_FUNDS. */
  CAST(created_at AS TIMESTAMP) AS created_at, /* When it was made. */
  @decimal(amount) AS amount, /* How much, in its currency; below 0 where it leaves the account. */
  CAST(currency AS STRING) AS currency, /* The currency. */
  @decimal(amount_usd) AS amount_usd, /* The same in US dollars of that day; NULL where that is not known. */
  CAST(@lower_ascii(giver_slug) AS STRING) AS giver_name, /* Who gave it, by its slug; NULL for persons. */
  CAST(COALESCE(
    IF(giver_slug IS NULL, NULL, @entity_id('OPEN_COLLECTIVE', '', giver_slug)),
    @email_id(from_person_sha256)
  ) AS STRING) AS giver_id, /* The giver's account; a keyed hash for a person, NULL for one who hides. */
  CAST(@lower_ascii(receiver_slug) AS STRING) AS receiver_name, /* Who received it, by its slug; NULL for persons. */
  CAST(IF(receiver_slug IS NULL, NULL, @entity_id('OPEN_COLLECTIVE', '', receiver_slug)) AS STRING) AS receiver_id, /* The receiver's account; NULL for persons. */
  CAST(COALESCE(is_refund, FALSE) AS BOOL) AS is_refund, /* Whether it pays another one back. */
  CAST(COALESCE(is_refunded, FALSE) AS BOOL) AS is_refunded, /* Whether it was paid back when it was read. */
  CAST(IF(is_refund, refunded_group, NULL) AS STRING) AS refunded_group /* What a refund pays back. */
FROM newest
