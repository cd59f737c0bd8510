/*
  Funding received
  US dollars to the entity that are dated in the bucket: grants as oss-funding lists them, and contributions and
  added funds at Open Collective, but for those that were refunded or came from the same collective.
  Other funding is not known.
*/
MODEL (
  name metrics.funding_received,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:USD', 'basis:snapshot'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(funding.amount_usd)) AS amount /* How much was received. */
FROM intermediate.funding AS funding
JOIN intermediate.entities AS entities
  ON entities.artifact_id = funding.receiver_id
JOIN intermediate.calendar AS calendar
  ON calendar.activity_date = funding.funding_date
GROUP BY
  entities.subject_key,
  calendar.bucket,
  calendar.sample_date
