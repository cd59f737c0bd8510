/*
  One row is a grant, as oss-funding lists it.
  Who gives and who receives are accounts of oss-funding, known by the names that it writes.
*/
MODEL (
  name staging.grants,
  kind VIEW,
  grain grant_id,
  audits (
    not_null(columns := (grant_id, funding_date, amount_usd, funder_name, funder_id)),
    unique_values(columns := (
      grant_id
    )),
    forall(criteria := (
      amount_usd >= 0
    ))
  )
);

SELECT
  CAST(grant_id AS STRING) AS grant_id, /* The grant, by a hash of all that is written of it. */
  CAST(funding_date AS DATE) AS funding_date, /* The day of the grant. */
  @decimal(amount) AS amount_usd, /* How much, in US dollars. */
  CAST(@lower_ascii(from_funder_name) AS STRING) AS funder_name, /* Who gave it. */
  CAST(@entity_id('OSS_FUNDING', '', from_funder_name) AS STRING) AS funder_id, /* The funder's account. */
  CAST(@lower_ascii(to_project_name) AS STRING) AS receiver_name, /* The project that received it; NULL where none is named. */
  CAST(@entity_id('OSS_FUNDING', '', to_project_name) AS STRING) AS receiver_id, /* The receiver's account. */
  CAST(grant_pool_name AS STRING) AS grant_pool_name /* The round or programme. */
FROM raw.oss_funding__grants
