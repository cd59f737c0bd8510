/* One row is a project of a collection. A name in a collection that is no project of the directory is left out. */
MODEL (
  name marts.projects_by_collection_v1,
  kind FULL,
  grain (collection_id, project_id),
  audits (
    not_null(columns := (collection_id, collection_name, project_id, project_name)),
    unique_combination_of_columns(columns := (collection_id, project_id))
  )
);

SELECT
  CAST(places.collection_id AS STRING) AS collection_id, /* The collection. */
  CAST(collections.collection_name AS STRING) AS collection_name, /* Its name in the directory. */
  CAST(places.project_id AS STRING) AS project_id, /* The project. */
  CAST(projects.project_name AS STRING) AS project_name /* Its name in the directory. */
FROM staging.directory_collection_projects AS places
JOIN marts.collections_v1 AS collections
  ON collections.collection_id = places.collection_id
JOIN marts.projects_v1 AS projects
  ON projects.project_id = places.project_id
