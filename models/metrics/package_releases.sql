/*
  Package releases
  Versions of the entity's packages that their registry published in the bucket, pre-releases and those that were
  taken back later included. A version that is published again counts once, when it first came.
  Versions of which the registry does not tell the day are not counted.
*/
MODEL (
  name metrics.package_releases,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:releases', 'basis:snapshot', 'empty:zero'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(COUNT(*)) AS amount /* How many versions. */
FROM staging.package_versions AS versions
JOIN intermediate.entities AS entities
  ON entities.artifact_id = versions.package_id
JOIN intermediate.calendar AS calendar
  ON calendar.activity_date = CAST(versions.released_at AS DATE)
GROUP BY
  entities.subject_key,
  calendar.bucket,
  calendar.sample_date
