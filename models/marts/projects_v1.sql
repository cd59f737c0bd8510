/* One row is a project: a named set of artifacts, as the directory lists it. */
MODEL (
  name marts.projects_v1,
  kind FULL,
  grain project_id,
  audits (
    not_null(
      columns := (project_id, project_source, project_namespace, project_name, display_name)
    ),
    unique_values(columns := (
      project_id
    ))
  )
);

SELECT
  CAST(project_id AS STRING) AS project_id, /* The project's id. */
  CAST('OSS_DIRECTORY' AS STRING) AS project_source, /* The directory that lists it. */
  CAST('' AS STRING) AS project_namespace, /* Empty: the directory has no namespaces. */
  CAST(project_name AS STRING) AS project_name, /* Its name in the directory. */
  CAST(display_name AS STRING) AS display_name, /* The name that people read. */
  CAST(description AS STRING) AS description, /* What the project says of itself. */
  websites, /* Its websites. */
  CAST(social_profiles AS STRING) AS social_profiles /* Its social profiles, as JSON. */
FROM staging.directory_projects
