/* One row is what a version of a package needs, as its registry tells; of each package the newest reading. */
MODEL (
  name staging.package_dependencies,
  kind VIEW,
  grain (package_id, version, dependency_id, kind, requirement, marker),
  audits (
    not_null(
      columns := (
        package_id,
        version,
        dependency_id,
        dependency_source,
        dependency_namespace,
        dependency_name,
        kind
      )
    )
  )
);

WITH named AS (
  SELECT
    registry,
    IF(STARTS_WITH(name, '@'), SUBSTR(name, 1, INSTR(name, '/') - 1), '') AS namespace,
    IF(STARTS_WITH(name, '@'), SUBSTR(name, INSTR(name, '/') + 1), name) AS own_name,
    version,
    IF(STARTS_WITH(dependency, '@'), SUBSTR(dependency, 1, INSTR(dependency, '/') - 1), '') AS dependency_namespace,
    IF(
      STARTS_WITH(dependency, '@'),
      SUBSTR(dependency, INSTR(dependency, '/') + 1),
      dependency
    ) AS dependency_name,
    kind,
    COALESCE(spec, '') AS requirement,
    COALESCE(marker, '') AS marker
  FROM raw.registries__dependencies
  QUALIFY
    _load_id = MAX(_load_id) OVER (PARTITION BY registry, name, version)
)
SELECT DISTINCT
  CAST(@entity_id(registry, namespace, own_name) AS STRING) AS package_id, /* The package, an artifact. */
  CAST(version AS STRING) AS version, /* Its version. */
  CAST(@entity_id(registry, dependency_namespace, dependency_name) AS STRING) AS dependency_id, /* The package that it needs. */
  CAST(registry AS STRING) AS dependency_source, /* NPM, PYPI or CRATES. */
  CAST(dependency_namespace AS STRING) AS dependency_namespace, /* That package's scope. */
  CAST(dependency_name AS STRING) AS dependency_name, /* That package's name. */
  CAST(kind AS STRING) AS kind, /* runtime, optional, peer, extra, build or dev. */
  CAST(requirement AS STRING) AS requirement, /* Which versions will do; empty where any will. */
  CAST(marker AS STRING) AS marker /* Where it is needed; empty where everywhere. */
FROM named
