/*
  Transactions
  Transactions that were sent in the bucket to one of the entity's contracts, failed ones too. One that reaches a contract
  through another entity's contract is an invocation and no transaction, so that each counts once.
*/
MODEL (
  name metrics.transactions,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:transactions', 'basis:onchain'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(calls.transaction_count)) AS amount /* How many transactions. */
FROM intermediate.contract_activity_daily AS calls
JOIN intermediate.entities AS entities
  ON entities.artifact_key = calls.artifact_key
JOIN intermediate.calendar AS calendar
  ON calendar.activity_date = calls.activity_date
WHERE
  calls.transaction_count > 0
GROUP BY
  entities.subject_key,
  calendar.bucket,
  calendar.sample_date
