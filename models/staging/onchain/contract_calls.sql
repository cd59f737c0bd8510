/*
  One row is how often an account called a contract on a day, through whatever other contracts, and what it paid.
  A day that was read again has the newest reading.
*/
MODEL (
  name staging.contract_calls,
  kind VIEW,
  grain (contract_id, call_date, caller_id),
  audits (
    not_null(
      columns := (
        contract_id,
        chain,
        call_date,
        caller_id,
        invocation_count,
        transaction_count,
        gas_fees_wei
      )
    ),
    unique_combination_of_columns(columns := (contract_id, call_date, caller_id)),
    forall(
      criteria := (
        invocation_count >= 0,
        transaction_count >= 0,
        invocation_count + transaction_count > 0,
        gas_fees_wei >= 0
      )
    )
  )
);

WITH newest AS (
  SELECT
    chain,
    day,
    contract,
    caller,
    invocation_count,
    transaction_count,
    gas_fees_wei
  FROM raw.onchain__contract_calls
  QUALIFY
    _load_id = MAX(_load_id) OVER (PARTITION BY chain, day)
)
SELECT
  CAST(@entity_id(chain, '', contract) AS STRING) AS contract_id, /* The contract, an artifact. */
  CAST(MIN(chain) AS STRING) AS chain, /* The chain, as seeds.chains names it. */
  CAST(day AS DATE) AS call_date, /* The day, in UTC. */
  CAST(@entity_id(chain, '', caller) AS STRING) AS caller_id, /* The account that sent the transactions. */
  CAST(MAX(invocation_count) AS INT64) AS invocation_count, /* How often the contract was called, by other contracts too where the chain's traces are told. */
  CAST(MAX(transaction_count) AS INT64) AS transaction_count, /* How many transactions were sent to the contract itself. */
  MAX(@decimal(gas_fees_wei)) AS gas_fees_wei /* What those transactions cost in gas, in wei. */
FROM newest
GROUP BY
  @entity_id(chain, '', contract),
  day,
  @entity_id(chain, '', caller)
