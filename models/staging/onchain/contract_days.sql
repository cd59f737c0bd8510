/* One row is a day of a chain of which calls were counted, as read last; a day without calls has one, too. */
MODEL (
  name staging.contract_days,
  kind VIEW,
  grain (chain, call_date),
  audits (
    not_null(columns := (chain, call_date, contract_count)),
    unique_combination_of_columns(columns := (chain, call_date)),
    forall(criteria := (
      contract_count > 0
    ))
  )
);

WITH newest AS (
  SELECT
    chain,
    day,
    contract_count
  FROM raw.onchain__days
  QUALIFY
    _load_id = MAX(_load_id) OVER (PARTITION BY chain, day)
)
SELECT
  CAST(chain AS STRING) AS chain, /* The chain, as seeds.chains names it. */
  CAST(day AS DATE) AS call_date, /* The day, in UTC. */
  CAST(COALESCE(MAX(contract_count), 1) AS INT64) AS contract_count /* Of how many contracts calls were counted; 1 where it was of all. */
FROM newest
GROUP BY
  chain,
  day
