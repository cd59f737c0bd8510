/*
  Contract invocations
  How often the entity's contracts were called on the chain in the bucket, failed calls too. On Ethereum (MAINNET) calls by
  other contracts within a transaction count, of every kind; on other chains the public data has no traces, and
  only transactions that were sent to a contract count.
*/
MODEL (
  name metrics.contract_invocations,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:calls', 'basis:onchain'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(calls.invocation_count)) AS amount /* How many calls. */
FROM intermediate.contract_activity_daily AS calls
JOIN intermediate.entities AS entities
  ON entities.artifact_key = calls.artifact_key
JOIN intermediate.calendar AS calendar
  ON calendar.activity_date = calls.activity_date
WHERE
  calls.invocation_count > 0
GROUP BY
  entities.subject_key,
  calendar.bucket,
  calendar.sample_date
