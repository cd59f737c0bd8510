/* One row is an account of Open Collective that was collected, which is no person's; its newest reading. */
MODEL (
  name staging.open_collective_accounts,
  kind VIEW,
  grain account_id,
  audits (
    not_null(columns := (account_id, account_name, account_type)),
    unique_values(columns := (
      account_id
    ))
  )
);

SELECT
  CAST(@entity_id('OPEN_COLLECTIVE', '', slug) AS STRING) AS account_id, /* The account, an artifact. */
  CAST(@lower_ascii(slug) AS STRING) AS account_name, /* Its slug, in lower case. */
  CAST(name AS STRING) AS display_name, /* Its name as people read it. */
  CAST(type AS STRING) AS account_type, /* COLLECTIVE, EVENT, FUND, ORGANIZATION, PLATFORM or PROJECT. */
  CAST(currency AS STRING) AS currency, /* Its currency. */
  CAST(website AS STRING) AS website_url, /* Its website. */
  CAST(repository AS STRING) AS repository_url, /* Its repository, as it writes it. */
  CAST(social_links AS STRING) AS social_links, /* Its links elsewhere, as JSON. */
  CAST(@lower_ascii(parent_slug) AS STRING) AS parent_name /* The account that an event or a project belongs to. */
FROM raw.open_collective__collectives
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY @lower_ascii(slug) ORDER BY _load_id DESC, created_at, name) = 1
