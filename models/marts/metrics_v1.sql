/*
  One row is a metric of one source in one bucket, as the time series name it.
  A metric is listed once any entity has a value of it.
*/
MODEL (
  name marts.metrics_v1,
  kind FULL,
  grain metric_id,
  audits (
    not_null(
      columns := (
        metric_id,
        metric_name,
        display_name,
        description,
        unit,
        bucket,
        metric_source,
        sql,
        path
      )
    ),
    unique_values(columns := (
      metric_id
    )),
    unique_values(columns := (
      metric_name
    ))
  )
);

WITH used AS (
  SELECT DISTINCT
    measurements.metric,
    subjects.artifact_source,
    measurements.bucket
  FROM intermediate.measurements AS measurements
  JOIN intermediate.subjects AS subjects
    ON subjects.subject_key = measurements.subject_key
)
SELECT
  CAST(@entity_id('OSO', '', CONCAT(used.artifact_source, '_', used.metric, '_', used.bucket)) AS STRING) AS metric_id, /* The metric's id. */
  CAST(CONCAT(used.artifact_source, '_', used.metric, '_', used.bucket) AS STRING) AS metric_name, /* Source, metric and bucket, such as GITHUB_stars_daily. */
  CAST(catalogue.display_name AS STRING) AS display_name, /* The name that people read. */
  CAST(catalogue.description AS STRING) AS description, /* What is counted, and what is not. */
  CAST(catalogue.unit AS STRING) AS unit, /* What the amount counts. */
  CAST(used.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(used.artifact_source AS STRING) AS metric_source, /* The system that the artifacts live in. */
  CAST(catalogue.sql AS STRING) AS sql, /* The query that makes it. */
  CAST(catalogue.path AS STRING) AS path /* The file that declares it. */
FROM used
JOIN intermediate.metrics AS catalogue
  ON catalogue.metric = used.metric
