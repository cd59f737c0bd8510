/*
  One row is a collection: a named set of projects, as the directory lists it, or an ecosystem, a named set of
  repositories, of Open Dev Data's taxonomy ((c) Electric Capital Partners, LLC; CC BY 4.0).
*/
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
  CAST('OSS_DIRECTORY' AS STRING) AS collection_source, /* OSS_DIRECTORY or OPEN_DEV_DATA, which lists it. */
  CAST('' AS STRING) AS collection_namespace, /* Empty: neither has namespaces. */
  CAST(collection_name AS STRING) AS collection_name, /* Its name there, in lower case. */
  CAST(display_name AS STRING) AS display_name, /* The name that people read. */
  CAST(description AS STRING) AS description /* What the collection is. */
FROM staging.directory_collections
UNION ALL
SELECT
  CAST(ecosystem_id AS STRING) AS collection_id,
  CAST('OPEN_DEV_DATA' AS STRING) AS collection_source,
  CAST('' AS STRING) AS collection_namespace,
  CAST(ecosystem_name AS STRING) AS collection_name,
  CAST(display_name AS STRING) AS display_name,
  CAST(NULL AS STRING) AS description
FROM staging.ecosystems
