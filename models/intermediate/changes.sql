/*
  One row is how much a metric changed since the bucket before: by months, quarters and years.
  The buckets are dense from the metric's first value on to the bucket after its last, where the fall to zero
  shows; later ones would hold zeros only and have no row.
*/
MODEL (
  name intermediate.changes,
  kind FULL,
  grain (metric, entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    not_null(
      columns := (metric, entity_type, entity_id, artifact_source, bucket, sample_date)
    ),
    unique_combination_of_columns(
      columns := (metric, entity_type, entity_id, artifact_source, bucket, sample_date)
    )
  )
);

WITH buckets AS (
  SELECT DISTINCT
    bucket,
    ordinal,
    sample_date
  FROM intermediate.calendar
  WHERE
    bucket IN ('monthly', 'quarterly', 'yearly')
), spans AS (
  SELECT
    levels.metric,
    levels.entity_type,
    levels.entity_id,
    levels.artifact_source,
    levels.bucket,
    levels.amount,
    buckets.ordinal,
    LEAD(buckets.ordinal) OVER (
      PARTITION BY levels.metric, levels.entity_type, levels.entity_id, levels.artifact_source, levels.bucket
      ORDER BY buckets.ordinal, buckets.sample_date, levels.amount
    ) AS next_ordinal
  FROM intermediate.levels AS levels
  JOIN buckets
    ON buckets.bucket = levels.bucket AND buckets.sample_date = levels.sample_date
), dense AS (
  SELECT
    spans.metric,
    spans.entity_type,
    spans.entity_id,
    spans.artifact_source,
    spans.bucket,
    buckets.ordinal,
    buckets.sample_date,
    IF(buckets.ordinal = spans.ordinal, spans.amount, 0) AS amount
  FROM spans
  JOIN buckets
    ON buckets.bucket = spans.bucket
    AND buckets.ordinal BETWEEN spans.ordinal AND COALESCE(spans.next_ordinal - 1, spans.ordinal + 1)
)
SELECT
  CAST(metric AS STRING) AS metric, /* The metric that changed. */
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(bucket AS STRING) AS bucket, /* monthly, quarterly or yearly. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(
    amount - LAG(amount) OVER (
      PARTITION BY metric, entity_type, entity_id, artifact_source, bucket
      ORDER BY ordinal, sample_date, amount
    )
  ) AS amount /* By how much; NULL in the first bucket. */
FROM dense
