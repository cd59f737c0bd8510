/*
  One row is how often an account called a contract on a day, by numbers: what every metric of chains is made from.
*/
MODEL (
  name intermediate.contract_activity_daily,
  kind FULL,
  grain (artifact_key, activity_date, caller_key),
  audits (
    not_null(
      columns := (
        artifact_key,
        activity_date,
        caller_key,
        invocation_count,
        transaction_count,
        gas_fees_wei
      )
    ),
    unique_combination_of_columns(columns := (artifact_key, activity_date, caller_key))
  )
);

SELECT
  CAST(@key(contract_id) AS INT64) AS artifact_key, /* The contract's number. */
  CAST(call_date AS DATE) AS activity_date, /* The day, in UTC. */
  CAST(@key(caller_id) AS INT64) AS caller_key, /* The number of the account that sent the transactions. */
  CAST(invocation_count AS INT64) AS invocation_count, /* How often the contract was called. */
  CAST(transaction_count AS INT64) AS transaction_count, /* How many transactions were sent to the contract itself. */
  @decimal(gas_fees_wei) AS gas_fees_wei /* What those transactions cost in gas, in wei. */
FROM staging.contract_calls
