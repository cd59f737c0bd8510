/*
  One row is a bucket in the life of an entity: how many contributors came, stayed, came back and left.
  The buckets are dense from the first with a contributor to the one after the last, so that a silent
  bucket shows its churn in the right place; later silent buckets would hold only zeros and have no row.
  Weeks and longer buckets only.
*/
MODEL (
  name intermediate.contributor_flow,
  kind FULL,
  grain (entity_type, entity_id, artifact_source, bucket, sample_date),
  audits (
    not_null(
      columns := (entity_type, entity_id, artifact_source, bucket, sample_date, active_count)
    ),
    unique_combination_of_columns(columns := (entity_type, entity_id, artifact_source, bucket, sample_date)),
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
    entity_type,
    entity_id,
    artifact_source,
    bucket,
    ordinal,
    LAG(ordinal) OVER (
      PARTITION BY entity_type, entity_id, artifact_source, bucket, person_id
      ORDER BY ordinal
    ) AS previous_ordinal
  FROM intermediate.contributor_activity
  WHERE
    bucket IN ('weekly', 'monthly', 'quarterly', 'yearly')
), active AS (
  SELECT
    entity_type,
    entity_id,
    artifact_source,
    bucket,
    ordinal,
    COUNT(*) AS active_count,
    COUNT(IF(previous_ordinal IS NULL, 1, NULL)) AS new_count,
    COUNT(IF(previous_ordinal = ordinal - 1, 1, NULL)) AS returning_count,
    COUNT(IF(previous_ordinal < ordinal - 1, 1, NULL)) AS resurrected_count
  FROM periods
  GROUP BY
    entity_type,
    entity_id,
    artifact_source,
    bucket,
    ordinal
), lives AS (
  SELECT
    entity_type,
    entity_id,
    artifact_source,
    bucket,
    MIN(ordinal) AS first_ordinal,
    MAX(ordinal) + 1 AS last_ordinal
  FROM active
  GROUP BY
    entity_type,
    entity_id,
    artifact_source,
    bucket
), buckets AS (
  SELECT DISTINCT
    bucket,
    ordinal,
    sample_date
  FROM intermediate.calendar
), spine AS (
  SELECT
    lives.entity_type,
    lives.entity_id,
    lives.artifact_source,
    lives.bucket,
    lives.first_ordinal,
    buckets.ordinal,
    buckets.sample_date
  FROM lives
  JOIN buckets
    ON buckets.bucket = lives.bucket
    AND buckets.ordinal BETWEEN lives.first_ordinal AND lives.last_ordinal
), dense AS (
  SELECT
    spine.*,
    COALESCE(active.active_count, 0) AS active_count,
    COALESCE(active.new_count, 0) AS new_count,
    COALESCE(active.returning_count, 0) AS returning_count,
    COALESCE(active.resurrected_count, 0) AS resurrected_count,
    COALESCE(previous.active_count, 0) AS previous_active_count
  FROM spine
  /* A silent bucket has no activity. */
  LEFT JOIN active
    ON active.entity_type = spine.entity_type
    AND active.entity_id = spine.entity_id
    AND active.artifact_source = spine.artifact_source
    AND active.bucket = spine.bucket
    AND active.ordinal = spine.ordinal
  LEFT JOIN active AS previous
    ON previous.entity_type = spine.entity_type
    AND previous.entity_id = spine.entity_id
    AND previous.artifact_source = spine.artifact_source
    AND previous.bucket = spine.bucket
    AND previous.ordinal = spine.ordinal - 1
)
SELECT
  CAST(entity_type AS STRING) AS entity_type, /* artifact, project or collection. */
  CAST(entity_id AS STRING) AS entity_id, /* The entity. */
  CAST(artifact_source AS STRING) AS artifact_source, /* The system that the artifacts live in. */
  CAST(bucket AS STRING) AS bucket, /* weekly, monthly, quarterly or yearly. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(active_count AS INT64) AS active_count, /* Contributors of the bucket. */
  CAST(previous_active_count AS INT64) AS previous_active_count, /* Contributors of the bucket before. */
  CAST(new_count AS INT64) AS new_count, /* Those whose first contribution it holds. */
  CAST(returning_count AS INT64) AS returning_count, /* Those who were active in the bucket before. */
  CAST(resurrected_count AS INT64) AS resurrected_count, /* Those who were active earlier, but not in the bucket before. */
  CAST(IF(ordinal = first_ordinal, NULL, previous_active_count - returning_count) AS INT64) AS churned_count /* Those of the bucket before who are not active in this one; NULL in the first bucket. */
FROM dense
