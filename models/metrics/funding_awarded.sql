/*
  Funding awarded
  US dollars that the entity gave, dated in the bucket: grants as oss-funding lists them, those to nobody named
  included, and what collectives and organizations contributed at Open Collective to those that were collected.
*/
MODEL (
  name metrics.funding_awarded,
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
  @decimal(SUM(funding.amount_usd)) AS amount /* How much was given. */
FROM intermediate.funding AS funding
JOIN intermediate.entities AS entities
  ON entities.artifact_id = funding.funder_id
JOIN intermediate.calendar AS calendar
  ON calendar.activity_date = funding.funding_date
GROUP BY
  entities.subject_key,
  calendar.bucket,
  calendar.sample_date
