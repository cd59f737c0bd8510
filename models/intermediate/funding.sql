/* One row is money that was given: a grant that oss-funding lists, or a contribution at Open Collective. */
MODEL (
  name intermediate.funding,
  kind VIEW,
  grain funding_id,
  audits (
    not_null(columns := (funding_id, funding_source, funding_date, amount_usd)),
    unique_values(columns := (
      funding_id
    )),
    forall(criteria := (
      amount_usd >= 0
    ))
  )
);

SELECT
  CAST(grant_id AS STRING) AS funding_id, /* The grant or contribution. */
  CAST('OSS_FUNDING' AS STRING) AS funding_source, /* Who tells of it: OSS_FUNDING or OPEN_COLLECTIVE. */
  CAST(funding_date AS DATE) AS funding_date, /* Its day. */
  @decimal(amount_usd) AS amount_usd, /* How much, in US dollars. */
  CAST(funder_name AS STRING) AS funder_name, /* Who gave it, by the name in the source; NULL for persons. */
  CAST(funder_id AS STRING) AS funder_id, /* The funder's account; a keyed hash for a person, NULL for one who hides. */
  CAST(receiver_name AS STRING) AS receiver_name, /* Who received it; NULL where nobody is named. */
  CAST(receiver_id AS STRING) AS receiver_id, /* The receiver's account. */
  CAST(grant_pool_name AS STRING) AS grant_pool_name /* The round or programme. */
FROM staging.grants
UNION ALL
SELECT
  CAST(contribution_id AS STRING) AS funding_id,
  CAST('OPEN_COLLECTIVE' AS STRING) AS funding_source,
  CAST(contribution_date AS DATE) AS funding_date,
  @decimal(amount_usd) AS amount_usd,
  CAST(giver_name AS STRING) AS funder_name,
  CAST(giver_id AS STRING) AS funder_id,
  CAST(receiver_name AS STRING) AS receiver_name,
  CAST(receiver_id AS STRING) AS receiver_id,
  CAST(NULL AS STRING) AS grant_pool_name
FROM intermediate.open_collective_funding
