/*
  Downloads
  How often the entity's packages were downloaded in the bucket, as npm, pypistats.org and crates.io count,
  by people and by machines. Mirrors of PyPI are left out. What was downloaded before the days that a registry
  keeps is not known.
*/
MODEL (
  name metrics.downloads,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:downloads', 'basis:downloads'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(SUM(downloads.download_count)) AS amount /* How many downloads. */
FROM staging.package_downloads AS downloads
JOIN intermediate.entities AS entities
  ON entities.artifact_id = downloads.package_id
JOIN intermediate.calendar AS calendar
  ON calendar.activity_date = downloads.download_date
WHERE
  downloads.download_count > 0
GROUP BY
  entities.subject_key,
  calendar.bucket,
  calendar.sample_date
