/*
  One row is how much of a bucket's calls a chain told: of the days of the contracts that are counted now, those that
  were collected. All time begins with the first day that was collected of the chain.
  A contract that was listed later than others lowers it for all of its chain.
*/
MODEL (
  name intermediate.onchain_coverage,
  kind FULL,
  grain (chain, bucket, sample_date),
  audits (
    not_null(
      columns := (chain, bucket, sample_date, told_count, contract_day_count, is_complete)
    ),
    unique_combination_of_columns(columns := (chain, bucket, sample_date)),
    forall(
      criteria := (told_count BETWEEN 0 AND contract_day_count, contract_day_count > 0)
    )
  )
);

WITH bounds AS (
  SELECT
    chain,
    MIN(call_date) AS first_date,
    MAX(call_date) AS last_date
  FROM staging.contract_days
  GROUP BY
    chain
), chains AS (
  SELECT
    bounds.chain,
    bounds.first_date,
    newest.contract_count
  FROM bounds
  JOIN staging.contract_days AS newest
    ON newest.chain = bounds.chain AND newest.call_date = bounds.last_date
)
SELECT
  CAST(chains.chain AS STRING) AS chain, /* The chain. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(COALESCE(SUM(LEAST(collected.contract_count, chains.contract_count)), 0) AS INT64) AS told_count, /* Days of contracts that were collected. */
  CAST(SUM(chains.contract_count) AS INT64) AS contract_day_count, /* Days of contracts so far. */
  CAST(MAX(calendar.next_date) <= CAST(@execution_date AS DATE) AS BOOL) AS is_complete /* Whether the bucket has ended. */
FROM chains
JOIN intermediate.calendar AS calendar
  ON calendar.bucket <> 'all_time' OR calendar.activity_date >= chains.first_date
/* Days of which nothing was collected count as missing. */
LEFT JOIN staging.contract_days AS collected
  ON collected.chain = chains.chain AND collected.call_date = calendar.activity_date
GROUP BY
  chains.chain,
  calendar.bucket,
  calendar.sample_date
