/* One row is an hour of GH Archive that was collected; coverage is counted from these. */
MODEL (
  name staging.github_hours,
  kind VIEW,
  grain collected_hour,
  audits (
    not_null(columns := (
      collected_hour
    )),
    unique_values(columns := (
      collected_hour
    ))
  )
);

SELECT
  CAST(hour AS TIMESTAMP) AS collected_hour, /* The hour's beginning. */
  CAST(SUM(bytes) AS INT64) AS byte_count /* The size of what was read for it. */
FROM raw.gharchive__hours
GROUP BY
  hour
