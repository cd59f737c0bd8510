/* One row is a project's place in a collection of the directory. */
MODEL (
  name staging.directory_collection_projects,
  kind VIEW,
  grain (collection_id, project_id),
  audits (
    not_null(columns := (collection_id, project_id)),
    unique_combination_of_columns(columns := (collection_id, project_id))
  )
);

SELECT DISTINCT
  CAST(@entity_id('OSS_DIRECTORY', '', collection_name) AS STRING) AS collection_id, /* The collection. */
  CAST(@entity_id('OSS_DIRECTORY', '', project_name) AS STRING) AS project_id /* The project. */
FROM raw.oss_directory__collection_projects
