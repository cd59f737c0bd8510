/* One row is a way from an ecosystem to one that it holds, itself included. */
MODEL (
  name staging.ecosystem_branches,
  kind VIEW,
  grain (ecosystem_id, branch),
  audits (
    not_null(columns := (ecosystem_id, branch, leaf_id, depth))
  )
);

SELECT
  CAST(@entity_id('OPEN_DEV_DATA', '', ecosystem) AS STRING) AS ecosystem_id, /* The ecosystem. */
  CAST(branch AS STRING) AS branch, /* The names on the way. */
  CAST(@entity_id('OPEN_DEV_DATA', '', leaf) AS STRING) AS leaf_id, /* The ecosystem at its end. */
  CAST(depth AS INT64) AS depth /* How many steps it has; 0 for the ecosystem itself. */
FROM raw.open_dev_data__branches
