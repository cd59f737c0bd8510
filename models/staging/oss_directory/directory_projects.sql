/* One row is a project of the directory. */
MODEL (
  name staging.directory_projects,
  kind VIEW,
  grain project_name,
  audits (
    not_null(columns := (project_name, project_id)),
    unique_values(columns := (
      project_name
    ))
  )
);

SELECT
  CAST(@entity_id('OSS_DIRECTORY', '', name) AS STRING) AS project_id, /* The project's id. */
  CAST(@lower_ascii(name) AS STRING) AS project_name, /* The project's name in the directory. */
  CAST(COALESCE(display_name, name) AS STRING) AS display_name, /* The name that people read. */
  CAST(description AS STRING) AS description, /* What the project says of itself. */
  COALESCE(websites, []) AS websites, /* Its websites; empty where it names none. */
  CAST(social AS STRING) AS social_profiles /* Its social profiles, as JSON. */
FROM raw.oss_directory__projects
