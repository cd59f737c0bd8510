/* One row is a package that the directory lists, a registry told of, or something depends on. */
MODEL (
  name intermediate.packages,
  kind FULL,
  grain package_id,
  audits (
    not_null(columns := (package_id, package_source, package_namespace, package_name)),
    unique_values(columns := (
      package_id
    ))
  )
);

WITH known AS (
  SELECT
    package_id,
    package_source,
    package_namespace,
    package_name
  FROM staging.package_versions
  UNION ALL
  SELECT
    dependency_id AS package_id,
    dependency_source AS package_source,
    dependency_namespace AS package_namespace,
    dependency_name AS package_name
  FROM staging.package_dependencies
  UNION ALL
  SELECT
    package_id,
    package_source,
    package_namespace,
    package_name
  FROM staging.repository_packages
  UNION ALL
  SELECT
    @entity_id(artifact_source, artifact_namespace, artifact_name) AS package_id,
    artifact_source AS package_source,
    artifact_namespace AS package_namespace,
    artifact_name AS package_name
  FROM staging.directory_artifacts
  WHERE
    artifact_type = 'PACKAGE'
)
SELECT
  CAST(package_id AS STRING) AS package_id, /* The package, an artifact. */
  CAST(MIN(package_source) AS STRING) AS package_source, /* Its registry, such as NPM. */
  CAST(MIN(package_namespace) AS STRING) AS package_namespace, /* Its scope or host; empty where there is none. */
  CAST(MIN(package_name) AS STRING) AS package_name /* Its name. */
FROM known
GROUP BY
  package_id
