/* One row is a type of event; contributions are the types that make somebody a contributor. */
MODEL (
  name seeds.event_types,
  kind SEED (
    path '$root/seeds/event_types.csv'
  ),
  columns (
    event_type STRING,
    unit STRING,
    is_contribution BOOL,
    description STRING
  ),
  grain event_type,
  audits (
    not_null(columns := (event_type, unit, is_contribution, description)),
    unique_values(columns := (
      event_type
    ))
  )
)
