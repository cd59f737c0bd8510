/*
  One row is how much of a bucket's hours of GH Archive told what metrics of one basis count,
  or of its days of downloads at one registry, or of calls on one chain.
  All time begins with the first hour collected. Hours that have not ended are not expected yet.
*/
MODEL (
  name intermediate.coverage,
  kind CUSTOM (
    materialization 'differences'
  ),
  grain (basis, bucket, sample_date),
  audits (
    not_null(
      columns := (basis, bucket, sample_date, coverage, coverage_with_history, is_complete)
    ),
    unique_combination_of_columns(columns := (basis, bucket, sample_date)),
    forall(
      criteria := (
        coverage BETWEEN 0 AND 1,
        coverage_with_history BETWEEN 0 AND 1,
        coverage <= coverage_with_history
      )
    )
  )
);

WITH collected AS (
  SELECT
    CAST(collected_hour AS DATE) AS activity_date,
    COUNT(*) AS hour_count,
    COUNT(IF(has_commits, 1, NULL)) AS commit_hour_count,
    COUNT(IF(has_merges, 1, NULL)) AS merge_hour_count,
    COUNT(IF(has_commits AND has_merges, 1, NULL)) AS contribution_hour_count,
    COUNT(IF(has_threads AND has_merges, 1, NULL)) AS thread_hour_count
  FROM staging.github_hours
  GROUP BY
    CAST(collected_hour AS DATE)
), bounds AS (
  SELECT
    MIN(activity_date) AS first_date
  FROM collected
), buckets AS (
  SELECT
    calendar.bucket,
    calendar.sample_date,
    24 * COUNT(*) AS hour_count,
    COALESCE(SUM(collected.hour_count), 0) AS collected_count,
    COALESCE(SUM(collected.commit_hour_count), 0) AS commit_hour_count,
    COALESCE(SUM(collected.merge_hour_count), 0) AS merge_hour_count,
    COALESCE(SUM(collected.contribution_hour_count), 0) AS contribution_hour_count,
    COALESCE(SUM(collected.thread_hour_count), 0) AS thread_hour_count,
    MAX(calendar.next_date) <= CAST(@execution_date AS DATE) AS is_complete
  FROM intermediate.calendar AS calendar
  CROSS JOIN bounds
  /* Days of which nothing was collected count as missing. */
  LEFT JOIN collected
    ON collected.activity_date = calendar.activity_date
  WHERE
    calendar.bucket <> 'all_time'
    OR bounds.first_date IS NULL
    OR calendar.activity_date >= bounds.first_date
  GROUP BY
    calendar.bucket,
    calendar.sample_date
), by_basis AS (
  SELECT
    'events' AS basis,
    bucket,
    sample_date,
    collected_count AS told_count,
    collected_count AS told_beside_history_count,
    hour_count,
    is_complete
  FROM buckets
  UNION ALL
  SELECT
    'commits' AS basis,
    bucket,
    sample_date,
    commit_hour_count AS told_count,
    hour_count AS told_beside_history_count,
    hour_count,
    is_complete
  FROM buckets
  UNION ALL
  SELECT
    'contributions' AS basis,
    bucket,
    sample_date,
    contribution_hour_count AS told_count,
    merge_hour_count AS told_beside_history_count,
    hour_count,
    is_complete
  FROM buckets
  UNION ALL
  SELECT
    'merges' AS basis,
    bucket,
    sample_date,
    merge_hour_count AS told_count,
    merge_hour_count AS told_beside_history_count,
    hour_count,
    is_complete
  FROM buckets
  UNION ALL
  SELECT
    'threads' AS basis,
    bucket,
    sample_date,
    thread_hour_count AS told_count,
    thread_hour_count AS told_beside_history_count,
    hour_count,
    is_complete
  FROM buckets
  UNION ALL
  SELECT
    'snapshot' AS basis,
    bucket,
    sample_date,
    hour_count AS told_count,
    hour_count AS told_beside_history_count,
    hour_count,
    is_complete
  FROM buckets
  UNION ALL
  SELECT
    CONCAT('downloads:', package_source) AS basis,
    bucket,
    sample_date,
    told_count,
    told_count AS told_beside_history_count,
    day_count AS hour_count,
    is_complete
  FROM intermediate.download_coverage
  UNION ALL
  SELECT
    CONCAT('onchain:', chain) AS basis,
    bucket,
    sample_date,
    told_count,
    told_count AS told_beside_history_count,
    contract_day_count AS hour_count,
    is_complete
  FROM intermediate.onchain_coverage
)
SELECT
  CAST(basis AS STRING) AS basis, /* What metrics are counted from: events, commits, contributions, merges, threads or snapshot; downloads: and a registry for its downloads; onchain: and a chain for its calls. */
  CAST(bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(@ratio(told_count, hour_count)) AS coverage, /* The share of its hours that were collected and told all of it, 0 to 1. */
  @decimal(@ratio(told_beside_history_count, hour_count)) AS coverage_with_history, /* The same for a repository whose git history was collected, which tells its commits. */
  CAST(is_complete AS BOOL) AS is_complete /* Whether the bucket has ended. */
FROM by_basis
