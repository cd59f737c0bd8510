/*
  One row is what the values of a metric in one bucket have in common, whosever they are.
  Told before them: it is small, and one look-up a value then does.
*/
MODEL (
  name intermediate.series,
  kind CUSTOM (
    materialization 'differences'
  ),
  grain (metric, metric_source, bucket, sample_date),
  audits (
    not_null(
      columns := (
        metric,
        metric_source,
        bucket,
        sample_date,
        metric_id,
        unit,
        coverage,
        coverage_with_history,
        is_complete
      )
    ),
    unique_combination_of_columns(columns := (metric, metric_source, bucket, sample_date))
  )
);

SELECT
  CAST(catalogue.metric AS STRING) AS metric, /* The metric's name, without source and bucket. */
  CAST(metrics.metric_source AS STRING) AS metric_source, /* The system that the artifacts live in. */
  CAST(metrics.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(coverage.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(metrics.metric_id AS STRING) AS metric_id, /* The metric, as metrics_v1 describes it. */
  CAST(metrics.unit AS STRING) AS unit, /* What the amount counts. */
  @decimal(coverage.coverage) AS coverage, /* The share of the bucket that was collected and told all of it, 0 to 1. */
  @decimal(coverage.coverage_with_history) AS coverage_with_history, /* The same for a repository whose git history was collected. */
  CAST(coverage.is_complete AS BOOL) AS is_complete /* Whether the bucket has ended. */
FROM marts.metrics_v1 AS metrics
JOIN intermediate.metrics AS catalogue
  ON metrics.metric_name = CONCAT(metrics.metric_source, '_', catalogue.metric, '_', metrics.bucket)
JOIN intermediate.coverage AS coverage
  ON coverage.basis = IF(
    catalogue.basis IN ('downloads', 'onchain'),
    CONCAT(catalogue.basis, ':', metrics.metric_source),
    catalogue.basis
  )
  AND coverage.bucket = metrics.bucket
