/* One row is a collection of the directory. */
MODEL (
  name staging.directory_collections,
  kind VIEW,
  grain collection_name,
  audits (
    not_null(columns := (collection_name, collection_id)),
    unique_values(columns := (
      collection_name
    ))
  )
);

SELECT
  CAST(@entity_id('OSS_DIRECTORY', '', name) AS STRING) AS collection_id, /* The collection's id. */
  CAST(@lower_ascii(name) AS STRING) AS collection_name, /* The collection's name in the directory. */
  CAST(COALESCE(display_name, name) AS STRING) AS display_name, /* The name that people read. */
  CAST(description AS STRING) AS description /* What the collection is. */
FROM raw.oss_directory__collections
