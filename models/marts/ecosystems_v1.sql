/*
  One row is an ecosystem of Open Dev Data's taxonomy, a collection of repositories, with how many it holds.
  An ecosystem holds what it lists itself and what the ecosystems in it hold.
  (c) Electric Capital Partners, LLC; CC BY 4.0.
*/
MODEL (
  name marts.ecosystems_v1,
  kind FULL,
  grain collection_id,
  audits (
    not_null(
      columns := (
        collection_id,
        ecosystem_name,
        listing_count,
        repository_count,
        direct_repository_count,
        branch_count,
        max_depth
      )
    ),
    unique_values(columns := (
      collection_id
    )),
    forall(
      criteria := (
        direct_repository_count <= repository_count,
        repository_count <= listing_count,
        branch_count <= listing_count
      )
    )
  )
);

WITH listed AS (
  SELECT
    branches.ecosystem_id,
    COUNT(*) AS listing_count,
    COUNT(DISTINCT repositories.repository_url) AS repository_count,
    COUNT(IF(branches.depth = 0, 1, NULL)) AS direct_repository_count,
    COUNT(DISTINCT branches.branch) AS branch_count,
    MAX(branches.depth) AS max_depth
  FROM staging.ecosystem_branches AS branches
  JOIN staging.ecosystem_repositories AS repositories
    ON repositories.ecosystem_id = branches.leaf_id
  GROUP BY
    branches.ecosystem_id
)
SELECT
  CAST(ecosystems.ecosystem_id AS STRING) AS collection_id, /* The ecosystem, a collection. */
  CAST(ecosystems.display_name AS STRING) AS ecosystem_name, /* Its name. */
  CAST(COALESCE(listed.listing_count, 0) AS INT64) AS listing_count, /* How many repositories it holds, each once for every way to it. */
  CAST(COALESCE(listed.repository_count, 0) AS INT64) AS repository_count, /* How many different repositories it holds. */
  CAST(COALESCE(listed.direct_repository_count, 0) AS INT64) AS direct_repository_count, /* How many of them it lists itself. */
  CAST(COALESCE(listed.branch_count, 0) AS INT64) AS branch_count, /* How many ways lead to an ecosystem that lists repositories. */
  CAST(COALESCE(listed.max_depth, 0) AS INT64) AS max_depth /* How many steps the longest of them has. */
FROM staging.ecosystems AS ecosystems
/* Some ecosystems hold no repository. */
LEFT JOIN listed
  ON listed.ecosystem_id = ecosystems.ecosystem_id
