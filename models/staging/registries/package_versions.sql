/*
  One row is a version of a package, as its registry tells.
  A package is read again and again; only the newest reading of each counts.
*/
MODEL (
  name staging.package_versions,
  kind VIEW,
  grain (package_id, version),
  audits (
    not_null(
      columns := (
        package_id,
        package_source,
        package_namespace,
        package_name,
        version,
        is_yanked,
        is_prerelease
      )
    ),
    unique_combination_of_columns(columns := (package_id, version))
  )
);

WITH newest AS (
  SELECT
    registry,
    IF(STARTS_WITH(name, '@'), SUBSTR(name, 1, INSTR(name, '/') - 1), '') AS namespace,
    IF(STARTS_WITH(name, '@'), SUBSTR(name, INSTR(name, '/') + 1), name) AS own_name,
    version,
    license,
    repository,
    released_at,
    is_yanked,
    is_prerelease,
    _load_id
  FROM raw.registries__packages
  QUALIFY
    _load_id = MAX(_load_id) OVER (PARTITION BY registry, name)
)
SELECT
  CAST(@entity_id(registry, namespace, own_name) AS STRING) AS package_id, /* The package, an artifact. */
  CAST(registry AS STRING) AS package_source, /* NPM, PYPI or CRATES. */
  CAST(namespace AS STRING) AS package_namespace, /* Its scope; empty where there is none. */
  CAST(own_name AS STRING) AS package_name, /* Its name. */
  CAST(version AS STRING) AS version, /* The version. */
  CAST(MAX(license) AS STRING) AS license, /* Its licence, as its authors write it. */
  CAST(MAX(repository) AS STRING) AS repository_url, /* Its repository, as its authors write it. */
  CAST(MIN(released_at) AS TIMESTAMP) AS released_at, /* When it was published; NULL where unknown, the month's last day where only that is known. */
  CAST(LOGICAL_OR(COALESCE(is_yanked, FALSE)) AS BOOL) AS is_yanked, /* Whether it was taken back. */
  CAST(LOGICAL_OR(COALESCE(is_prerelease, FALSE)) AS BOOL) AS is_prerelease, /* Whether it is not meant for all. */
  CAST(MAX(_load_id) AS INT64) AS load_id /* The reading that tells of it. */
FROM newest
GROUP BY
  registry,
  namespace,
  own_name,
  version
