/*
  One row is a time in which a version of a package is the current one: the newest that is neither yanked
  nor, where there is any other, a pre-release.
*/
MODEL (
  name intermediate.current_versions,
  kind FULL,
  grain (package_id, since_date),
  audits (
    not_null(columns := (package_id, version)),
    unique_combination_of_columns(columns := (package_id, since_date)),
    forall(criteria := (
      until_date > since_date
    ))
  )
);

WITH sound AS (
  SELECT
    package_id,
    version,
    released_at
  FROM staging.package_versions
  WHERE
    NOT is_yanked
  QUALIFY
    LOGICAL_AND(is_prerelease) OVER (PARTITION BY package_id) = is_prerelease
), newest_of_day AS (
  SELECT
    package_id,
    version,
    CAST(released_at AS DATE) AS since_date
  FROM sound
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY package_id, CAST(released_at AS DATE)
      ORDER BY released_at DESC, version DESC
    ) = 1
)
SELECT
  CAST(package_id AS STRING) AS package_id, /* The package. */
  CAST(version AS STRING) AS version, /* The version. */
  CAST(since_date AS DATE) AS since_date, /* From which day on; NULL where that is unknown. */
  CAST(LEAD(since_date) OVER (
    PARTITION BY package_id
    ORDER BY NOT since_date IS NULL, COALESCE(since_date, CAST('1970-01-01' AS DATE))
  ) AS DATE) AS until_date /* The day of the next one; NULL where it is the current one now. */
FROM newest_of_day
