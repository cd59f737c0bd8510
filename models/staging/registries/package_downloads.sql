/*
  One row is how often a package was downloaded on a day, as its registry tells.
  A day without downloads is a row of 0; a day that was not collected has no row.
  The last days are read again and again; the newest reading of each counts.
*/
MODEL (
  name staging.package_downloads,
  kind VIEW,
  grain (package_id, download_date),
  audits (
    not_null(columns := (package_id, package_source, download_date, download_count)),
    unique_combination_of_columns(columns := (package_id, download_date)),
    forall(criteria := (
      download_count >= 0
    ))
  )
);

WITH newest AS (
  SELECT
    registry,
    IF(STARTS_WITH(name, '@'), SUBSTR(name, 1, INSTR(name, '/') - 1), '') AS namespace,
    IF(STARTS_WITH(name, '@'), SUBSTR(name, INSTR(name, '/') + 1), name) AS own_name,
    day,
    downloads
  FROM raw.registries__downloads
  QUALIFY
    _load_id = MAX(_load_id) OVER (PARTITION BY registry, name, day)
)
SELECT
  CAST(@entity_id(registry, namespace, own_name) AS STRING) AS package_id, /* The package, an artifact. */
  CAST(MIN(registry) AS STRING) AS package_source, /* NPM, PYPI or CRATES. */
  CAST(day AS DATE) AS download_date, /* The day, in UTC. */
  CAST(MAX(downloads) AS INT64) AS download_count /* How often it was downloaded; of PyPI, mirrors are left out. */
FROM newest
GROUP BY
  @entity_id(registry, namespace, own_name),
  day
