/* One row is an ecosystem of Open Dev Data's taxonomy. (c) Electric Capital Partners, LLC; CC BY 4.0. */
MODEL (
  name staging.ecosystems,
  kind VIEW,
  grain ecosystem_id,
  audits (
    not_null(columns := (ecosystem_id, ecosystem_name, display_name)),
    unique_values(columns := (
      ecosystem_id
    ))
  )
);

SELECT
  CAST(@entity_id('OPEN_DEV_DATA', '', name) AS STRING) AS ecosystem_id, /* The ecosystem, a collection. */
  CAST(@lower_ascii(name) AS STRING) AS ecosystem_name, /* Its name, in lower case. */
  CAST(MIN(name) AS STRING) AS display_name /* Its name as it is written. */
FROM raw.open_dev_data__ecosystems
GROUP BY
  @entity_id('OPEN_DEV_DATA', '', name),
  @lower_ascii(name)
