-- The published tables, with their long ids.
CREATE TABLE measured (metric metric, e INTEGER, bucket bucket, o INTEGER, amount DECIMAL(38, 9));
INSERT INTO measured
SELECT metric, e, bucket, o, n
FROM (UNPIVOT counts ON COLUMNS(* EXCLUDE (bucket, o, e)) INTO NAME metric VALUE n) WHERE n > 0;
INSERT INTO measured SELECT 'active_repositories', e, bucket, o, n FROM active;
INSERT INTO measured SELECT 'bot_activity', e, bucket, o, n FROM bot_activity;
INSERT INTO measured SELECT 'contributors', e, bucket, o, contributors FROM people;
INSERT INTO measured SELECT 'developers', e, bucket, o, developers FROM people WHERE developers > 0;
INSERT INTO measured SELECT 'commits', e, bucket, o, commits FROM people WHERE commits > 0;
INSERT INTO measured SELECT 'contributor_absence_factor', e, bucket, o, n FROM absence;
INSERT INTO measured SELECT 'part_time_developers', e, bucket, o, developers - full_time FROM people WHERE bucket = 'monthly' AND developers > 0;
INSERT INTO measured
SELECT
  'full_time_developers', e, longer.bucket, longer.o,
  nano(half_even(sum(full_time)::BIGINT * 1000000000, any_value(month_count)))
FROM people
JOIN (
  SELECT bucket, o, month_(day) AS month, count(*) OVER (PARTITION BY bucket, o) AS month_count
  FROM dates WHERE day(day) = 1 AND bucket IN ('monthly', 'quarterly', 'yearly')
) AS longer ON longer.month = people.o
WHERE people.bucket = 'monthly' AND developers > 0
GROUP BY ALL;
INSERT INTO measured SELECT 'new_contributors', e, bucket, o, new FROM flow;
INSERT INTO measured SELECT 'returning_contributors', e, bucket, o, stayed FROM flow;
INSERT INTO measured SELECT 'resurrected_contributors', e, bucket, o, resurrected FROM flow;
INSERT INTO measured SELECT 'churned_contributors', e, bucket, o, churned FROM flow;
INSERT INTO measured
SELECT 'retention_' || later, e, 'monthly', o, nano(half_even(retained * 1000000000, cohort)) FROM retention;
INSERT INTO measured
SELECT
  'burstiness', e, bucket, o,
  CAST(spread // total AS DECIMAL(38, 9)) + nano(half_even((spread % total) * 1000000000, total)) FROM bursts;
INSERT INTO measured
SELECT 'project_velocity', e, bucket, o, sum(points)
FROM (
  SELECT e, bucket, o, issues_closed + reviews AS points FROM counts WHERE issues_closed + reviews > 0
  UNION ALL SELECT e, bucket, o, commits + 2 * contributors FROM people
)
GROUP BY ALL;
INSERT INTO measured SELECT 'time_to_first_response_median', e, bucket, o, quantiles[1] FROM percentiles WHERE duration = 'first_response' AND quantiles[1] IS NOT NULL;
INSERT INTO measured SELECT 'time_to_first_response_p90', e, bucket, o, quantiles[2] FROM percentiles WHERE duration = 'first_response' AND quantiles[1] IS NOT NULL;
INSERT INTO measured SELECT 'unanswered', e, bucket, o, unended FROM percentiles WHERE duration = 'first_response';
INSERT INTO measured SELECT 'time_to_merge_median', e, bucket, o, quantiles[1] FROM percentiles WHERE duration = 'merge';
INSERT INTO measured SELECT 'time_to_merge_p90', e, bucket, o, quantiles[2] FROM percentiles WHERE duration = 'merge';
INSERT INTO measured SELECT 'time_to_close_median', e, bucket, o, quantiles[1] FROM percentiles WHERE duration = 'close';
INSERT INTO measured SELECT 'time_to_close_p90', e, bucket, o, quantiles[2] FROM percentiles WHERE duration = 'close';
INSERT INTO measured SELECT 'self_merge_share', e, bucket, o, nano(half_even(own * 1000000000, whole)) FROM self_merges;
INSERT INTO measured SELECT 'open_issue_age', e, bucket, o, seconds FROM open_issues;
INSERT INTO measured SELECT metric, e, bucket, o, n FROM graphs;
INSERT INTO measured
SELECT 'funding_received', e, bucket, o, sum(amount)
FROM grants JOIN artifacts ON artifact_id = receiver_id JOIN every_member USING (a) JOIN dates USING (day) GROUP BY ALL;
INSERT INTO measured
SELECT 'funding_awarded', e, bucket, o, sum(amount)
FROM grants JOIN artifacts ON artifact_id = funder_id JOIN every_member USING (a) JOIN dates USING (day) GROUP BY ALL;
INSERT INTO measured
SELECT 'downloads', e, bucket, o, sum(n)
FROM downloads JOIN artifacts ON artifact_id = package_id JOIN every_member USING (a) JOIN dates USING (day) WHERE n > 0 GROUP BY ALL;
INSERT INTO measured
SELECT 'package_releases', e, bucket, o, count(*)
FROM versions JOIN artifacts ON artifact_id = package_id JOIN every_member USING (a) JOIN dates ON day = CAST(released_at AS DATE)
GROUP BY ALL;

-- Changes: in each bucket with a value, and through the zeros after it, the last of which is the bucket after the last.
CREATE TABLE spaced AS
SELECT
  metric, e, bucket, o, amount, lag(o) OVER life AS previous, lag(amount) OVER life AS previous_amount, lead(o) OVER life AS next
FROM measured
WHERE bucket IN ('monthly', 'quarterly', 'yearly') AND metric IN (SELECT metric FROM catalogue WHERE is_zero_where_empty)
WINDOW life AS (PARTITION BY metric, e, bucket ORDER BY o);
INSERT INTO measured
SELECT 'change_in_' || metric, e, bucket, o,
  CASE WHEN previous IS NULL THEN NULL WHEN previous = o - 1 THEN amount - previous_amount ELSE amount END
FROM spaced
UNION ALL
SELECT 'change_in_' || metric, e, spaced.bucket, buckets.o, if(buckets.o = spaced.o + 1, -amount, 0)
FROM spaced JOIN buckets
  ON buckets.bucket = spaced.bucket AND buckets.o > spaced.o AND buckets.o < coalesce(next, spaced.o + 2);

CREATE TABLE named_metrics AS
SELECT
  metric, source, bucket, entity_id('OSO', '', source || '_' || metric || '_' || bucket) AS metric_id,
  source || '_' || metric || '_' || bucket AS metric_name, display_name, description, unit,
  if(basis = 'downloads', basis || ':' || source, basis) AS basis, sql, path
FROM (SELECT DISTINCT metric, source, bucket FROM measured JOIN entities USING (e))
JOIN catalogue USING (metric);
CREATE TABLE published.metrics_v1 AS
SELECT metric_id, metric_name, display_name, description, unit, CAST(bucket AS VARCHAR) AS bucket, CAST(source AS VARCHAR) AS metric_source, sql, path
FROM named_metrics;

CREATE MACRO series(kind) AS TABLE
SELECT
  metric_id, entity_id, sample_date, amount, unit,
  CASE WHEN history_share = 0 OR alone = beside THEN coverage_alone
       WHEN history_share = 1000000000 THEN coverage_beside
       ELSE nano(half_even(history_share * beside + (1000000000 - history_share) * alone, 1000000000)) END AS coverage,
  is_complete
FROM measured
JOIN entities USING (e)
JOIN (
  SELECT
    metric, source, bucket, o, metric_id, unit, alone, beside, nano(alone) AS coverage_alone, nano(beside) AS coverage_beside,
    coverage.is_complete, sample_date
  FROM named_metrics JOIN coverage USING (basis, bucket) JOIN buckets USING (bucket, o)
) AS told USING (metric, source, bucket, o)
WHERE entity_type = kind;
CREATE TABLE published.timeseries_metrics_by_artifact_v1 AS SELECT * RENAME (entity_id AS artifact_id) FROM series('artifact');
CREATE TABLE published.timeseries_metrics_by_project_v1 AS SELECT * RENAME (entity_id AS project_id) FROM series('project');
CREATE TABLE published.timeseries_metrics_by_collection_v1 AS SELECT * RENAME (entity_id AS collection_id) FROM series('collection');

CREATE TABLE published.projects_v1 AS
SELECT
  project_id, 'OSS_DIRECTORY' AS project_source, '' AS project_namespace, project_name, display_name, description, websites,
  social AS social_profiles
FROM projects;
CREATE TABLE published.projects_summary_v1 AS
WITH numbers AS (
  SELECT
    entity_id AS project_id,
    min(DATE '1970-01-01' + o) FILTER (metric = 'commits' AND bucket = 'daily') AS first_commit_date,
    max(DATE '1970-01-01' + o) FILTER (bucket = 'daily') AS last_activity_date,
    max(amount) FILTER (metric = 'commits' AND bucket = 'all_time') AS commit_count,
    max(amount) FILTER (metric = 'developers' AND bucket = 'all_time') AS developer_count,
    max(amount) FILTER (metric = 'contributors' AND bucket = 'all_time') AS contributor_count,
    max(amount) FILTER (metric = 'full_time_developers' AND bucket = 'monthly' AND o = (
      SELECT max(o) FROM coverage WHERE bucket = 'monthly' AND is_complete)) AS full_time_developer_count,
    max(amount) FILTER (metric = 'stars' AND bucket = 'all_time') AS star_count,
    max(amount) FILTER (metric = 'forks' AND bucket = 'all_time') AS fork_count,
    max(amount) FILTER (metric = 'releases' AND bucket = 'all_time') AS release_count
  FROM measured JOIN entities USING (e)
  WHERE entity_type = 'project' AND source = 'GITHUB' AND bucket IN ('daily', 'monthly', 'all_time')
  GROUP BY ALL
)
SELECT
  project_id, project_name, display_name, first_commit_date, last_activity_date,
  last_activity_date - first_commit_date AS active_life_days, coalesce(commit_count, 0)::BIGINT AS commit_count,
  coalesce(developer_count, 0)::BIGINT AS developer_count, coalesce(contributor_count, 0)::BIGINT AS contributor_count,
  coalesce(full_time_developer_count, 0)::BIGINT AS full_time_developer_count, coalesce(star_count, 0)::BIGINT AS star_count,
  coalesce(fork_count, 0)::BIGINT AS fork_count, coalesce(release_count, 0)::BIGINT AS release_count
FROM projects LEFT JOIN numbers USING (project_id);

CREATE TABLE published.artifacts_v1 AS
SELECT
  artifact_id, source AS artifact_source, namespace AS artifact_namespace, name AS artifact_name, type AS artifact_type,
  CAST(repo_id AS VARCHAR) AS artifact_source_id, url AS artifact_url
FROM artifacts;
CREATE TABLE published.repositories_v1 AS
WITH found AS (
  SELECT a, min(moment) AS first_committed_at, max(moment) AS last_committed_at FROM (
    SELECT a, moment FROM listings ANTI JOIN several USING (s) WHERE NOT is_merge AND NOT is_bot
    UNION ALL SELECT a, moment FROM disputed WHERE NOT is_bot
  ) GROUP BY a
)
SELECT
  artifact_id, namespace AS owner_name, name AS repository_name, CAST(repo_id AS VARCHAR) AS repository_source_id,
  url AS repository_url, has_history AS has_git_history, first_committed_at, last_committed_at
FROM artifacts LEFT JOIN found USING (a) WHERE type = 'REPOSITORY';
CREATE TABLE published.collections_v1 AS
SELECT
  entity_id('OSS_DIRECTORY', '', name) AS collection_id, 'OSS_DIRECTORY' AS collection_source, '' AS collection_namespace,
  lower_ascii(name) AS collection_name, coalesce(display_name, name) AS display_name, description
FROM raw.oss_directory__collections
UNION ALL
SELECT entity_id('OPEN_DEV_DATA', '', name), 'OPEN_DEV_DATA', '', lower_ascii(name), min(name), NULL
FROM raw.open_dev_data__ecosystems GROUP BY ALL;
CREATE TABLE published.artifacts_by_project_v1 AS
SELECT project_id, project_name, artifact_id, source AS artifact_source, namespace AS artifact_namespace, name AS artifact_name
FROM by_project JOIN projects USING (project_id) JOIN artifacts USING (a);
CREATE TABLE published.projects_by_collection_v1 AS
SELECT collection_id, collection_name, project_id, project_name
FROM places JOIN published.collections_v1 USING (collection_id) JOIN projects USING (project_id);
CREATE TABLE published.event_types_v1 AS FROM event_types;
CREATE TABLE published.funding_v1 AS
SELECT
  grant_id, day AS funding_date, amount AS amount_usd, funder_name, funder_id AS funder_artifact_id, receiver_name,
  receiver_id AS receiver_artifact_id, project_id, grant_pool_name, grants.source AS funding_source
FROM grants
LEFT JOIN (SELECT artifact_id, min(project_id) AS project_id FROM by_project JOIN artifacts USING (a) GROUP BY ALL)
  ON artifact_id = receiver_id;
CREATE TABLE published.packages_v1 AS
WITH tallies AS (SELECT package_id, count(*) AS whole, count(*) FILTER (is_yanked) AS yanked FROM versions GROUP BY ALL)
SELECT
  package_id AS package_artifact_id, source AS package_source, namespace AS package_namespace, name AS package_name,
  version AS current_version, released_at, license, repository_url, coalesce(whole, 0) AS version_count,
  coalesce(yanked, 0) AS yanked_version_count
FROM packages LEFT JOIN tallies USING (package_id)
LEFT JOIN (FROM current_versions WHERE until IS NULL) USING (package_id);
CREATE TABLE published.dependencies_v1 AS
WITH needed AS (
  SELECT package_id AS dependent_id, version AS dependent_version, dependency_id, kind, requirement, marker
  FROM current_versions JOIN needs USING (package_id, version) WHERE until IS NULL
  UNION ALL
  SELECT DISTINCT repositories.artifact_id, NULL, package_id, 'listed', '', ''
  FROM bills JOIN repositories ON repositories.name = repository_name
)
SELECT
  dependent_id AS dependent_artifact_id, dependents.source AS dependent_source, dependents.namespace AS dependent_namespace,
  dependents.name AS dependent_name, dependent_version, dependency_id AS dependency_artifact_id,
  packages.source AS dependency_source, packages.namespace AS dependency_namespace, packages.name AS dependency_name,
  kind, requirement, marker
FROM needed JOIN artifacts AS dependents ON dependents.artifact_id = dependent_id JOIN packages ON package_id = dependency_id;
CREATE TABLE published.ecosystems_v1 AS
WITH listed AS (
  SELECT
    ecosystem_id, count(*) AS listing_count, count(DISTINCT url) AS repository_count,
    count(*) FILTER (depth = 0) AS direct_repository_count, count(DISTINCT branch) AS branch_count, max(depth) AS max_depth
  FROM ecosystem_branches JOIN raw.open_dev_data__repositories AS repositories ON leaf_id = entity_id('OPEN_DEV_DATA', '', repositories.ecosystem)
  GROUP BY ALL
)
SELECT
  entity_id('OPEN_DEV_DATA', '', name) AS collection_id, min(name) AS ecosystem_name, any_value(coalesce(listing_count, 0)) AS listing_count,
  any_value(coalesce(repository_count, 0)) AS repository_count, any_value(coalesce(direct_repository_count, 0)) AS direct_repository_count,
  any_value(coalesce(branch_count, 0)) AS branch_count, any_value(coalesce(max_depth, 0)) AS max_depth
FROM raw.open_dev_data__ecosystems LEFT JOIN listed ON ecosystem_id = entity_id('OPEN_DEV_DATA', '', name)
GROUP BY entity_id('OPEN_DEV_DATA', '', name);
CREATE TABLE published.identity_v1 AS
WITH seen AS (
  SELECT coalesce(events.actor_id::UBIGINT, person_of('@' || login), 0) AS account, repo_id, day, event_type, is_bot FROM events
), called_bots AS (
  SELECT account FROM seen GROUP BY account HAVING bool_or(is_bot)
), people AS (
  SELECT account FROM seen ANTI JOIN called_bots USING (account)
  UNION
  -- Who was a bot and none of one type in one repository on one day was a bot there.
  SELECT account FROM (SELECT account FROM seen SEMI JOIN called_bots USING (account) GROUP BY account, repo_id, day, event_type HAVING NOT bool_or(is_bot))
), own_accounts AS (
  SELECT DISTINCT coalesce(actor_id::UBIGINT, account) AS p FROM people LEFT JOIN accounts USING (account)
), addresses AS (
  SELECT p FROM listings ANTI JOIN several USING (s) WHERE NOT is_merge AND NOT is_bot
  UNION SELECT p FROM disputed WHERE NOT is_bot
), followed AS (
  SELECT reason, ones.is_too_large, ones.person = others.person AS is_followed
  FROM links JOIN persons AS ones ON ones.p = links.p JOIN persons AS others ON others.p = links.other_p
), counted AS (
  SELECT 'accounts' AS measure, count(*) AS amount, 'Accounts of GitHub that did something.' AS description FROM own_accounts
  UNION ALL SELECT 'addresses', count(*), 'Addresses that authored commits, after the .mailmap of each repository.' FROM addresses
  UNION ALL
  SELECT 'persons', count(DISTINCT coalesce(person, p)), 'Persons that these accounts and addresses are.'
  FROM (FROM own_accounts UNION ALL FROM addresses) LEFT JOIN persons USING (p)
  UNION ALL
  SELECT kind.measure, count(reason), any_value(kind.description)
  FROM (VALUES
    ('NOREPLY', 'noreply_links', 'Links of an address to the account that GitHub gave it, as the address in a git history says.'),
    ('NOREPLY_HASH', 'noreply_hash_links', 'Links of the hash of an address in pushes to the account that GitHub gave such an address.'),
    ('MAILMAP', 'mailmap_links', 'Links of an address to the one that the .mailmap of a repository puts in its place.'),
    ('SAME_ADDRESS', 'same_address_links', 'Links of an address in a git history to the same in pushes, which tell it in another form.')
  ) AS kind(reason_, measure, description)
  LEFT JOIN followed ON reason = reason_ GROUP BY kind.measure
  UNION ALL
  SELECT 'contradicted_links', count(*), 'Links that would join two whom a repository counts as two authors; they are not followed.'
  FROM followed WHERE NOT is_followed AND NOT is_too_large
  UNION ALL
  SELECT 'refused_components', count(DISTINCT component), 'Sets of linked accounts and addresses that are larger than a person; nobody in them is joined.'
  FROM persons WHERE is_too_large
  UNION ALL SELECT 'refused_actors', count(*), 'Accounts and addresses in such sets.' FROM persons WHERE is_too_large
)
FROM counted;
