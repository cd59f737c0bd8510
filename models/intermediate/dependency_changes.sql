/*
  One row is a package that a package began or ceased to need at run time, from one current version to the next.
  Only the last current version of a month is compared, since registries are asked what those need, and no others.
  What the first one needs is no change, and nothing is known of versions of unknown days.
*/
MODEL (
  name intermediate.dependency_changes,
  kind FULL,
  grain (dependent_id, dependency_id, change_date),
  audits (
    not_null(columns := (dependent_id, dependency_id, change_date, is_added)),
    unique_combination_of_columns(columns := (dependent_id, dependency_id, change_date))
  )
);

WITH last_of_month AS (
  SELECT
    package_id,
    version,
    since_date
  FROM intermediate.current_versions
  WHERE
    NOT since_date IS NULL
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY package_id, CAST(DATE_TRUNC(since_date, MONTH) AS DATE)
      ORDER BY since_date DESC
    ) = 1
), versions AS (
  SELECT
    package_id,
    version,
    since_date,
    ROW_NUMBER() OVER (PARTITION BY package_id ORDER BY since_date) AS ordinal
  FROM last_of_month
), needed AS (
  SELECT DISTINCT
    versions.package_id,
    versions.ordinal,
    dependencies.dependency_id
  FROM versions
  JOIN staging.package_dependencies AS dependencies
    ON dependencies.package_id = versions.package_id
    AND dependencies.version = versions.version
  WHERE
    dependencies.kind = 'runtime'
), told AS (
  SELECT
    package_id,
    dependency_id,
    ordinal,
    TRUE AS is_added
  FROM needed
  UNION ALL
  SELECT
    package_id,
    dependency_id,
    ordinal + 1 AS ordinal,
    FALSE AS is_added
  FROM needed
)
SELECT
  CAST(told.package_id AS STRING) AS dependent_id, /* The package that depends, or did. */
  CAST(told.dependency_id AS STRING) AS dependency_id, /* The package that it depends on, or did. */
  CAST(versions.since_date AS DATE) AS change_date, /* The day of the version that changed it. */
  CAST(LOGICAL_OR(told.is_added) AS BOOL) AS is_added /* Whether it began. */
FROM told
JOIN versions
  ON versions.package_id = told.package_id AND versions.ordinal = told.ordinal
WHERE
  told.ordinal > 1
GROUP BY
  told.package_id,
  told.dependency_id,
  versions.since_date
/* Needed by a version and by the one before is no change. */
HAVING
  COUNT(*) = 1
