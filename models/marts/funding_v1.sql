/*
  One row is a grant to an open source project, as oss-funding lists it.
  Grants to nobody named, to projects that are not in the directory, and of nothing are rows too.
*/
MODEL (
  name marts.funding_v1,
  kind FULL,
  grain grant_id,
  references project_id,
  audits (
    not_null(columns := (grant_id, funding_date, amount_usd, funder_name, funder_artifact_id)),
    unique_values(columns := (
      grant_id
    )),
    forall(
      criteria := (amount_usd >= 0, NOT (
          NOT project_id IS NULL AND receiver_name IS NULL
      ))
    )
  )
);

SELECT
  CAST(grants.grant_id AS STRING) AS grant_id, /* The grant, by a hash of all that is written of it. */
  CAST(grants.funding_date AS DATE) AS funding_date, /* The day of the grant. */
  @decimal(grants.amount_usd) AS amount_usd, /* How much, in US dollars. */
  CAST(grants.funder_name AS STRING) AS funder_name, /* Who gave it, by the name in oss-funding. */
  CAST(grants.funder_id AS STRING) AS funder_artifact_id, /* The funder's account, an artifact. */
  CAST(grants.receiver_name AS STRING) AS receiver_name, /* Who received it; NULL where nobody is named. */
  CAST(grants.receiver_id AS STRING) AS receiver_artifact_id, /* The receiver's account, an artifact. */
  CAST(projects.project_id AS STRING) AS project_id, /* The project of that name; NULL where the directory has none. */
  CAST(grants.grant_pool_name AS STRING) AS grant_pool_name /* The round or programme. */
FROM staging.grants AS grants
/* Many receivers are not in the directory. */
LEFT JOIN staging.directory_projects AS projects
  ON projects.project_name = grants.receiver_name
