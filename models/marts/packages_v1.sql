/*
  One row is a package of a registry that the directory lists, or that something depends on.
  What its registry tells is there where it was collected.
*/
MODEL (
  name marts.packages_v1,
  kind FULL,
  grain package_artifact_id,
  audits (
    not_null(
      columns := (
        package_artifact_id,
        package_source,
        package_namespace,
        package_name,
        version_count
      )
    ),
    unique_values(columns := (
      package_artifact_id
    )),
    forall(
      criteria := (
        version_count >= yanked_version_count,
        NOT (
          NOT current_version IS NULL AND version_count = 0
        )
      )
    )
  )
);

WITH counts AS (
  SELECT
    package_id,
    COUNT(*) AS version_count,
    COUNT(IF(is_yanked, 1, NULL)) AS yanked_version_count
  FROM staging.package_versions
  GROUP BY
    package_id
)
SELECT
  CAST(packages.package_id AS STRING) AS package_artifact_id, /* The artifact that it is. */
  CAST(packages.package_source AS STRING) AS package_source, /* Its registry, such as NPM. */
  CAST(packages.package_namespace AS STRING) AS package_namespace, /* Its scope or host; empty where there is none. */
  CAST(packages.package_name AS STRING) AS package_name, /* Its name. */
  CAST(versions.version AS STRING) AS current_version, /* The newest version that is neither yanked nor, where there is any other, a pre-release. */
  CAST(versions.released_at AS TIMESTAMP) AS released_at, /* When that came; the month's last day where only the month is known. */
  CAST(versions.license AS STRING) AS license, /* Its licence, as its authors write it. */
  CAST(versions.repository_url AS STRING) AS repository_url, /* Its repository, as its authors write it. */
  CAST(COALESCE(counts.version_count, 0) AS INT64) AS version_count, /* How many versions are known; 0 where its registry was not asked. */
  CAST(COALESCE(counts.yanked_version_count, 0) AS INT64) AS yanked_version_count /* How many of them were taken back. */
FROM intermediate.packages AS packages
/* Most packages are known only because something depends on them. */
LEFT JOIN counts
  ON counts.package_id = packages.package_id
LEFT JOIN intermediate.current_versions AS current_versions
  ON current_versions.package_id = packages.package_id
  AND current_versions.until_date IS NULL
LEFT JOIN staging.package_versions AS versions
  ON versions.package_id = current_versions.package_id
  AND versions.version = current_versions.version
