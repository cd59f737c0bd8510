/*
  One row is a package that a repository is built from, as its bill of materials says.
  A bill lists what a package needs in turn as well, and does not tell the one from the other.
*/
MODEL (
  name staging.repository_packages,
  kind VIEW,
  grain (repository_name, package_id),
  audits (
    not_null(
      columns := (repository_name, package_id, package_source, package_namespace, package_name)
    ),
    unique_combination_of_columns(columns := (repository_name, package_id))
  )
);

WITH named AS (
  SELECT
    @lower_ascii(repo) AS repository_name,
    package_source,
    CASE
      WHEN STARTS_WITH(package_name, '@')
      OR (
        package_source = 'GO' AND INSTR(package_name, '/') > 0
      )
      THEN SUBSTR(package_name, 1, INSTR(package_name, '/') - 1)
      ELSE ''
    END AS package_namespace,
    IF(
      STARTS_WITH(package_name, '@') OR package_source = 'GO',
      SUBSTR(package_name, INSTR(package_name, '/') + 1),
      package_name
    ) AS package_name
  FROM raw.dependency_graph__repository_packages
)
SELECT DISTINCT
  CAST(repository_name AS STRING) AS repository_name, /* owner/name, in lower case. */
  CAST(@entity_id(package_source, package_namespace, package_name) AS STRING) AS package_id, /* The package. */
  CAST(package_source AS STRING) AS package_source, /* NPM, PYPI, CRATES or GO. */
  CAST(package_namespace AS STRING) AS package_namespace, /* The package's scope or host. */
  CAST(package_name AS STRING) AS package_name /* The package's name. */
FROM named
