/* One row is a repository that an ecosystem lists itself. */
MODEL (
  name staging.ecosystem_repositories,
  kind VIEW,
  grain (ecosystem_id, repository_url),
  audits (
    not_null(columns := (ecosystem_id, repository_url))
  )
);

SELECT
  CAST(@entity_id('OPEN_DEV_DATA', '', ecosystem) AS STRING) AS ecosystem_id, /* The ecosystem. */
  CAST(url AS STRING) AS repository_url, /* The repository, as it is written. */
  CAST(repository_name AS STRING) AS repository_name /* owner/name, in lower case; NULL where it is not on GitHub. */
FROM raw.open_dev_data__repositories
