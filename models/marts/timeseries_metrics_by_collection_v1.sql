/*
  One row is a value of a metric for one collection in one bucket.
  A bucket in which nothing happened has no row, except where a metric says otherwise;
  what was not collected shows as coverage below 1.
*/
MODEL (
  name marts.timeseries_metrics_by_collection_v1,
  kind FULL,
  grain (metric_id, collection_id, sample_date),
  audits (
    not_null(columns := (metric_id, collection_id, sample_date, unit, coverage, is_complete)),
    unique_combination_of_columns(columns := (metric_id, collection_id, sample_date)),
    forall(
      criteria := (coverage BETWEEN 0 AND 1, unit <> 'share' OR amount BETWEEN 0 AND 1)
    ),
    only_changes_are_negative
  )
);

WITH histories AS (
  SELECT
    entity_id,
    artifact_source,
    @ratio(COUNT(IF(has_git_history, 1, NULL)), COUNT(*)) AS history_share
  FROM intermediate.entities
  WHERE
    entity_type = 'collection'
  GROUP BY
    entity_id,
    artifact_source
)
SELECT
  CAST(metrics.metric_id AS STRING) AS metric_id, /* The metric, as metrics_v1 describes it. */
  CAST(measurements.entity_id AS STRING) AS collection_id, /* The collection. */
  CAST(measurements.sample_date AS DATE) AS sample_date, /* The bucket's first day, in UTC; 1970-01-01 for all time. */
  @decimal(measurements.amount) AS amount, /* The value; NULL where the metric has none for the bucket. */
  CAST(metrics.unit AS STRING) AS unit, /* What the amount counts. */
  @decimal(
    @covered(histories.history_share, coverage.coverage_with_history, coverage.coverage)
  ) AS coverage, /* The share of the bucket that was really collected, 0 to 1. */
  CAST(coverage.is_complete AS BOOL) AS is_complete /* Whether the bucket has ended. */
FROM intermediate.measurements AS measurements
JOIN marts.metrics_v1 AS metrics
  ON metrics.metric_name = CONCAT(measurements.artifact_source, '_', measurements.metric, '_', measurements.bucket)
JOIN intermediate.metrics AS catalogue
  ON catalogue.metric = measurements.metric
JOIN intermediate.coverage AS coverage
  ON coverage.basis = IF(
    catalogue.basis = 'downloads',
    CONCAT('downloads:', measurements.artifact_source),
    catalogue.basis
  )
  AND coverage.bucket = measurements.bucket
  AND coverage.sample_date = measurements.sample_date
JOIN histories
  ON histories.entity_id = measurements.entity_id
  AND histories.artifact_source = measurements.artifact_source
WHERE
  measurements.entity_type = 'collection'
