/*
  Active addresses
  Distinct addresses that sent a transaction in the bucket which called one of the entity's contracts, directly or, where
  traces are told (MAINNET), through others. An address is no person: one person may have many.
*/
MODEL (
  name metrics.active_addresses,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:addresses', 'basis:onchain'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(DISTINCT calls.caller_key)) AS amount /* How many addresses. */
FROM intermediate.contract_activity_daily AS calls
JOIN intermediate.entities AS entities
  ON entities.artifact_key = calls.artifact_key
JOIN intermediate.calendar AS calendar
  ON calendar.activity_date = calls.activity_date
GROUP BY
  entities.subject_key,
  calendar.bucket,
  calendar.sample_date
