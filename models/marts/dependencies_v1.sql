/*
  One row is what a package or repository depends on now: what the current version of a package names, and
  what the bill of materials of a repository lists, which includes what those need in turn.
*/
MODEL (
  name marts.dependencies_v1,
  kind FULL,
  grain (dependent_artifact_id, dependency_artifact_id, kind, requirement, marker),
  audits (
    not_null(
      columns := (
        dependent_artifact_id,
        dependent_source,
        dependent_namespace,
        dependent_name,
        dependency_artifact_id,
        dependency_source,
        dependency_namespace,
        dependency_name,
        kind,
        requirement,
        marker
      )
    ),
    unique_combination_of_columns(
      columns := (dependent_artifact_id, dependency_artifact_id, kind, requirement, marker)
    )
  )
);

WITH needed AS (
  SELECT
    versions.package_id AS dependent_id,
    versions.version AS dependent_version,
    needs.dependency_id,
    needs.kind,
    needs.requirement,
    needs.marker
  FROM intermediate.current_versions AS versions
  JOIN staging.package_dependencies AS needs
    ON needs.package_id = versions.package_id AND needs.version = versions.version
  WHERE
    versions.until_date IS NULL
  UNION ALL
  SELECT
    dependent_id,
    CAST(NULL AS STRING) AS dependent_version,
    dependency_id,
    'listed' AS kind,
    '' AS requirement,
    '' AS marker
  FROM intermediate.dependencies
  WHERE
    NOT is_direct
)
SELECT
  CAST(needed.dependent_id AS STRING) AS dependent_artifact_id, /* The package or repository that depends, an artifact. */
  CAST(dependents.artifact_source AS STRING) AS dependent_source, /* The system that it lives in. */
  CAST(dependents.artifact_namespace AS STRING) AS dependent_namespace, /* Its scope or owner. */
  CAST(dependents.artifact_name AS STRING) AS dependent_name, /* Its name. */
  CAST(needed.dependent_version AS STRING) AS dependent_version, /* The current version; NULL for a repository. */
  CAST(needed.dependency_id AS STRING) AS dependency_artifact_id, /* The package that it depends on, an artifact. */
  CAST(packages.package_source AS STRING) AS dependency_source, /* Its registry. */
  CAST(packages.package_namespace AS STRING) AS dependency_namespace, /* Its scope or host. */
  CAST(packages.package_name AS STRING) AS dependency_name, /* Its name. */
  CAST(needed.kind AS STRING) AS kind, /* runtime, optional, peer, extra, build or dev; listed for a bill of materials. */
  CAST(needed.requirement AS STRING) AS requirement, /* Which versions will do; empty where any will or where it is unknown. */
  CAST(needed.marker AS STRING) AS marker /* Where it is needed; empty where everywhere. */
FROM needed
JOIN intermediate.artifacts AS dependents
  ON dependents.artifact_id = needed.dependent_id
JOIN intermediate.packages AS packages
  ON packages.package_id = needed.dependency_id
