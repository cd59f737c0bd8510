/*
  One row is a bucket in the life of an entity: how many contributors came, stayed, came back and left.
  The buckets are dense from the first with a contributor to the one after the last, so that a silent
  bucket shows its churn in the right place; later silent buckets would hold only zeros and have no row.
  Weeks and longer buckets only.
*/
MODEL (
  name intermediate.contributor_flow,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = (subject_key, bucket))
  ),
  grain (subject_key, bucket, sample_date),
  audits (
    not_null(columns := (subject_key, bucket, sample_date, active_count)),
    unique_combination_of_columns(columns := (subject_key, bucket, sample_date)),
    forall(
      criteria := (
        active_count = new_count + returning_count + resurrected_count,
        churned_count IS NULL OR churned_count = previous_active_count - returning_count,
        churned_count IS NULL OR churned_count >= 0
      )
    )
  )
);

WITH periods AS (
  SELECT
    subject_key,
    bucket,
    ordinal,
    LAG(ordinal) OVER (PARTITION BY subject_key, bucket, person_key ORDER BY ordinal) AS previous_ordinal
  FROM intermediate.contributor_activity
  WHERE
    bucket IN ('weekly', 'monthly', 'quarterly', 'yearly')
), active AS (
  SELECT
    subject_key,
    bucket,
    ordinal,
    COUNT(*) AS active_count,
    COUNT(IF(previous_ordinal IS NULL, 1, NULL)) AS new_count,
    COUNT(IF(previous_ordinal = ordinal - 1, 1, NULL)) AS returning_count,
    COUNT(IF(previous_ordinal < ordinal - 1, 1, NULL)) AS resurrected_count
  FROM periods
  GROUP BY
    subject_key,
    bucket,
    ordinal
), spans AS (
  SELECT
    *,
    LAG(ordinal) OVER (PARTITION BY subject_key, bucket ORDER BY ordinal) AS previous_ordinal,
    LAG(active_count) OVER (PARTITION BY subject_key, bucket ORDER BY ordinal) AS previous_active_count,
    LEAD(ordinal) OVER (PARTITION BY subject_key, bucket ORDER BY ordinal) AS next_ordinal
  FROM active
), dense AS (
  SELECT
    spans.subject_key,
    spans.bucket,
    counted AS ordinal,
    counted = spans.ordinal AS is_active,
    counted = spans.ordinal AND spans.previous_ordinal IS NULL AS is_first,
    spans.active_count,
    spans.new_count,
    spans.returning_count,
    spans.resurrected_count,
    CASE
      WHEN counted = spans.ordinal
      THEN IF(spans.previous_ordinal = counted - 1, spans.previous_active_count, 0)
      WHEN counted = spans.ordinal + 1
      THEN spans.active_count
      ELSE 0
    END AS previous_active_count
  FROM spans
  CROSS JOIN UNNEST(GENERATE_ARRAY(spans.ordinal, COALESCE(spans.next_ordinal - 1, spans.ordinal + 1))) AS counted
)
SELECT
  CAST(dense.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(dense.bucket AS STRING) AS bucket, /* weekly, monthly, quarterly or yearly. */
  CAST(buckets.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(IF(dense.is_active, dense.active_count, 0) AS INT64) AS active_count, /* Contributors of the bucket. */
  CAST(dense.previous_active_count AS INT64) AS previous_active_count, /* Contributors of the bucket before. */
  CAST(IF(dense.is_active, dense.new_count, 0) AS INT64) AS new_count, /* Those whose first contribution it holds. */
  CAST(IF(dense.is_active, dense.returning_count, 0) AS INT64) AS returning_count, /* Those who were active in the bucket before. */
  CAST(IF(dense.is_active, dense.resurrected_count, 0) AS INT64) AS resurrected_count, /* Those who were active earlier, but not in the bucket before. */
  CAST(IF(
    dense.is_first,
    NULL,
    dense.previous_active_count - IF(dense.is_active, dense.returning_count, 0)
  ) AS INT64) AS churned_count /* Those of the bucket before who are not active in this one; NULL in the first bucket. */
FROM dense
JOIN intermediate.buckets AS buckets
  ON buckets.bucket = dense.bucket AND buckets.ordinal = dense.ordinal
