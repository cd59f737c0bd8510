/*
  One row is how much of a bucket's downloads a registry told: of the days of the packages that it was asked about,
  those that were collected. All time begins with the first day that was collected of the registry.
*/
MODEL (
  name intermediate.download_coverage,
  kind FULL,
  grain (package_source, bucket, sample_date),
  audits (
    not_null(
      columns := (package_source, bucket, sample_date, told_count, day_count, is_complete)
    ),
    unique_combination_of_columns(columns := (package_source, bucket, sample_date)),
    forall(criteria := (told_count BETWEEN 0 AND day_count, day_count > 0))
  )
);

WITH collected AS (
  SELECT
    package_source,
    download_date,
    COUNT(*) AS package_count
  FROM staging.package_downloads
  GROUP BY
    package_source,
    download_date
), registries AS (
  SELECT
    package_source,
    MIN(download_date) AS first_date,
    COUNT(DISTINCT package_id) AS package_count
  FROM staging.package_downloads
  GROUP BY
    package_source
)
SELECT
  CAST(registries.package_source AS STRING) AS package_source, /* The registry. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(COALESCE(SUM(collected.package_count), 0) AS INT64) AS told_count, /* Days of packages that were collected. */
  CAST(SUM(registries.package_count) AS INT64) AS day_count, /* Days of packages so far. */
  CAST(MAX(calendar.next_date) <= CAST(@execution_date AS DATE) AS BOOL) AS is_complete /* Whether the bucket has ended. */
FROM registries
JOIN intermediate.calendar AS calendar
  ON calendar.bucket <> 'all_time' OR calendar.activity_date >= registries.first_date
/* Days of which nothing was collected count as missing. */
LEFT JOIN collected
  ON collected.package_source = registries.package_source
  AND collected.download_date = calendar.activity_date
GROUP BY
  registries.package_source,
  calendar.bucket,
  calendar.sample_date
