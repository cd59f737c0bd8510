/*
  One row is a time in which a package or a repository depends on a package.
  What a package needs is what its current version needs at run time.
*/
MODEL (
  name intermediate.dependencies,
  kind FULL,
  grain (dependent_id, dependency_id, is_direct, since_date),
  audits (
    not_null(columns := (dependent_id, dependency_id, is_direct)),
    unique_combination_of_columns(columns := (dependent_id, dependency_id, is_direct, since_date)),
    forall(criteria := (
      until_date > since_date
    ))
  )
);

SELECT DISTINCT
  CAST(@key(versions.package_id) AS INT64) AS dependent_key, /* Its number. */
  CAST(@key(needed.dependency_id) AS INT64) AS dependency_key, /* The number of the package that it depends on. */
  CAST(versions.package_id AS STRING) AS dependent_id, /* The package or repository that depends. */
  CAST(needed.dependency_id AS STRING) AS dependency_id, /* The package that it depends on. */
  CAST(TRUE AS BOOL) AS is_direct, /* Whether it names that package itself; FALSE where a bill of materials does not tell. */
  CAST(versions.since_date AS DATE) AS since_date, /* From which day on; NULL where that is unknown. */
  CAST(versions.until_date AS DATE) AS until_date /* The first day on which it does not; NULL where it does now. */
FROM intermediate.current_versions AS versions
JOIN staging.package_dependencies AS needed
  ON needed.package_id = versions.package_id AND needed.version = versions.version
WHERE
  needed.kind = 'runtime'
UNION ALL
SELECT DISTINCT
  CAST(@key(repositories.artifact_id) AS INT64) AS dependent_key,
  CAST(@key(bills.package_id) AS INT64) AS dependency_key,
  CAST(repositories.artifact_id AS STRING) AS dependent_id,
  CAST(bills.package_id AS STRING) AS dependency_id,
  CAST(FALSE AS BOOL) AS is_direct,
  CAST(NULL AS DATE) AS since_date,
  CAST(NULL AS DATE) AS until_date
FROM staging.repository_packages AS bills
JOIN intermediate.repositories AS repositories
  ON repositories.repository_name = bills.repository_name
