/* One row is a collection: a named set of projects, as the directory lists it. */
MODEL (
  name marts.collections_v1,
  kind FULL,
  grain collection_id,
  audits (
    not_null(
      columns := (
        collection_id,
        collection_source,
        collection_namespace,
        collection_name,
        display_name
      )
    ),
    unique_values(columns := (
      collection_id
    ))
  )
);

SELECT
  CAST(collection_id AS STRING) AS collection_id, /* The collection's id. */
  CAST('OSS_DIRECTORY' AS STRING) AS collection_source, /* The directory that lists it. */
  CAST('' AS STRING) AS collection_namespace, /* Empty: the directory has no namespaces. */
  CAST(collection_name AS STRING) AS collection_name, /* Its name in the directory. */
  CAST(display_name AS STRING) AS display_name, /* The name that people read. */
  CAST(description AS STRING) AS description /* What the collection is. */
FROM staging.directory_collections
