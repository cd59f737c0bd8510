/*
  One row is a value of a metric for one collection in one bucket.
  A bucket in which nothing happened has no row, except where a metric says otherwise;
  what was not collected shows as coverage below 1.
*/
MODEL (
  name marts.timeseries_metrics_by_collection_v1,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (collection_id, sample_date), through = intermediate.subjects)
  ),
  grain (metric_id, collection_id, sample_date),
  audits (
    not_null(columns := (metric_id, collection_id, sample_date, unit, coverage, is_complete)),
    no_row_twice(columns := (metric_id, collection_id, sample_date)),
    forall(
      criteria := (coverage BETWEEN 0 AND 1, unit <> 'share' OR amount BETWEEN 0 AND 1)
    ),
    only_changes_are_negative
  )
);

SELECT
  CAST(series.metric_id AS STRING) AS metric_id, /* The metric, as metrics_v1 describes it. */
  CAST(subjects.collection_id AS STRING) AS collection_id, /* The collection. */
  CAST(measurements.sample_date AS DATE) AS sample_date, /* The bucket's first day, in UTC; 1970-01-01 for all time. */
  @decimal(measurements.amount) AS amount, /* The value; NULL where the metric has none for the bucket. */
  CAST(series.unit AS STRING) AS unit, /* What the amount counts. */
  @decimal(@covered(subjects.history_share, series.coverage_with_history, series.coverage)) AS coverage, /* The share of the bucket that was really collected, 0 to 1. */
  CAST(series.is_complete AS BOOL) AS is_complete /* Whether the bucket has ended. */
FROM intermediate.measurements AS measurements
JOIN intermediate.subjects AS subjects
  ON subjects.subject_key = measurements.subject_key
JOIN intermediate.series AS series
  ON series.metric = measurements.metric
  AND series.metric_source = subjects.artifact_source
  AND series.bucket = measurements.bucket
  AND series.sample_date = measurements.sample_date
WHERE
  NOT subjects.collection_id IS NULL
