/*
  One row is money for open source: a grant that oss-funding lists, or a contribution at Open Collective.
  Grants to nobody named, to projects that are not in the directory, and of nothing are rows too.
  Persons have no names; each is a keyed hash, and who gave as a guest or incognito is not told apart.
*/
MODEL (
  name marts.funding_v1,
  kind FULL,
  grain grant_id,
  references project_id,
  audits (
    not_null(columns := (grant_id, funding_date, amount_usd, funding_source)),
    unique_values(columns := (
      grant_id
    )),
    forall(
      criteria := (
        amount_usd >= 0,
        NOT (
          NOT project_id IS NULL AND receiver_name IS NULL
        ),
        NOT funder_artifact_id IS NULL
        OR (
          funder_name IS NULL AND funding_source = 'OPEN_COLLECTIVE'
        )
      )
    )
  )
);

WITH owners AS (
  SELECT
    artifact_id,
    MIN(project_id) AS project_id
  FROM intermediate.artifacts_by_project
  GROUP BY
    artifact_id
)
SELECT
  CAST(funding.funding_id AS STRING) AS grant_id, /* The grant or contribution, by a hash. */
  CAST(funding.funding_date AS DATE) AS funding_date, /* The day of it. */
  @decimal(funding.amount_usd) AS amount_usd, /* How much, in US dollars of that day. */
  CAST(funding.funder_name AS STRING) AS funder_name, /* Who gave it, by the name in the source; NULL for persons. */
  CAST(funding.funder_id AS STRING) AS funder_artifact_id, /* The funder's account, an artifact; a keyed hash for a person, NULL for one who hides. */
  CAST(funding.receiver_name AS STRING) AS receiver_name, /* Who received it; NULL where nobody is named. */
  CAST(funding.receiver_id AS STRING) AS receiver_artifact_id, /* The receiver's account, an artifact. */
  CAST(owners.project_id AS STRING) AS project_id, /* The project of that account, one of them where several list it; NULL where the directory has none. */
  CAST(funding.grant_pool_name AS STRING) AS grant_pool_name, /* The round or programme. */
  CAST(funding.funding_source AS STRING) AS funding_source /* Who tells of it: OSS_FUNDING or OPEN_COLLECTIVE. */
FROM intermediate.funding AS funding
/* Many receivers are not in the directory. */
LEFT JOIN owners
  ON owners.artifact_id = funding.receiver_id
