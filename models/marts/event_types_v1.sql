/* One row is a type of event that we count. */
MODEL (
  name marts.event_types_v1,
  kind FULL,
  grain event_type,
  audits (
    not_null(columns := (event_type, unit, is_contribution, description)),
    unique_values(columns := (
      event_type
    ))
  )
);

SELECT
  CAST(event_type AS STRING) AS event_type, /* The type's name. */
  CAST(unit AS STRING) AS unit, /* What is counted. */
  CAST(is_contribution AS BOOL) AS is_contribution, /* Whether it makes somebody a contributor. */
  CAST(description AS STRING) AS description /* What happened. */
FROM seeds.event_types
