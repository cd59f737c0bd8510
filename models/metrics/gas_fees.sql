/*
  Gas fees
  What senders paid for the gas of the transactions that were sent in the bucket to the entity's contracts, failed ones
  too: gas used times its effective price, in billionths of the chain's own coin (gwei), exactly. What OPTIMISM charges
  beside it for data on Ethereum is not told and left out.
*/
MODEL (
  name metrics.gas_fees,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:gwei', 'basis:onchain'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(calls.gas_fees_wei) * @decimal('0.000000001')) AS amount /* How much was paid. */
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
