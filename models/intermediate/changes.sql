/*
  One row is how much a metric changed since the bucket before: by months, quarters and years.
  The buckets are dense from the metric's first value on to the bucket after its last, where the fall to zero
  shows; later ones would hold zeros only and have no row.
*/
MODEL (
  name intermediate.changes,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket))
  ),
  grain (metric, subject_key, bucket, sample_date),
  audits (
    not_null(columns := (metric, subject_key, bucket, sample_date)),
    unique_combination_of_columns(columns := (metric, subject_key, bucket, sample_date))
  )
);

WITH spans AS (
  SELECT
    levels.metric,
    levels.subject_key,
    levels.bucket,
    levels.amount,
    buckets.ordinal,
    LAG(buckets.ordinal) OVER (
      PARTITION BY levels.metric, levels.subject_key, levels.bucket
      ORDER BY buckets.ordinal
    ) AS previous_ordinal,
    LAG(levels.amount) OVER (
      PARTITION BY levels.metric, levels.subject_key, levels.bucket
      ORDER BY buckets.ordinal
    ) AS previous_amount,
    LEAD(buckets.ordinal) OVER (
      PARTITION BY levels.metric, levels.subject_key, levels.bucket
      ORDER BY buckets.ordinal
    ) AS next_ordinal
  FROM intermediate.levels AS levels
  JOIN intermediate.buckets AS buckets
    ON buckets.bucket = levels.bucket AND buckets.sample_date = levels.sample_date
  WHERE
    levels.bucket IN ('monthly', 'quarterly', 'yearly')
), dense AS (
  SELECT
    spans.metric,
    spans.subject_key,
    spans.bucket,
    counted AS ordinal,
    CASE counted - spans.ordinal
      WHEN 0
      THEN spans.amount - IF(spans.previous_ordinal < counted - 1, 0, spans.previous_amount)
      WHEN 1
      THEN -spans.amount
      ELSE 0
    END AS amount
  FROM spans
  CROSS JOIN UNNEST(GENERATE_ARRAY(spans.ordinal, COALESCE(spans.next_ordinal - 1, spans.ordinal + 1))) AS counted
)
SELECT
  CAST(dense.metric AS STRING) AS metric, /* The metric that changed. */
  CAST(dense.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(dense.bucket AS STRING) AS bucket, /* monthly, quarterly or yearly. */
  CAST(buckets.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(dense.amount) AS amount /* By how much; NULL in the first bucket. */
FROM dense
JOIN intermediate.buckets AS buckets
  ON buckets.bucket = dense.bucket AND buckets.ordinal = dense.ordinal
