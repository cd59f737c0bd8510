-- Who there is: repositories and their names, artifacts, and what belongs to what. Artifacts and entities
-- get whole numbers here; their long ids come back only when the published tables are written.
CREATE MACRO lower_ascii(t) AS
  if(length(t) = strlen(t), lower(t), translate(t, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'));
CREATE MACRO entity_id(source, namespace, name) AS
  sha256(source || chr(31) || if(
    source IN ('ARWEAVE', 'BITCOIN', 'CARDANO', 'GO', 'NPM', 'SOLANA', 'STELLAR', 'WWW'),
    namespace || chr(31) || name, lower_ascii(namespace || chr(31) || name)));
CREATE MACRO is_bot(name) AS
  contains(lower(coalesce(name, '')), '[bot]') OR coalesce(name, '') IN (SELECT account FROM bots);
CREATE MACRO nano(billionths) AS CAST(CAST(billionths AS DECIMAL(19, 0)) * CAST('0.000000001' AS DECIMAL(10, 9)) AS DECIMAL(38, 9));
CREATE TYPE bucket AS ENUM ('daily', 'weekly', 'monthly', 'quarterly', 'yearly', 'all_time');
CREATE TYPE metric AS ENUM (SELECT metric FROM catalogue ORDER BY metric);
CREATE MACRO half_even(top, bottom) AS
  top // bottom + CASE WHEN 2 * (top % bottom) > bottom THEN 1
                       WHEN 2 * (top % bottom) = bottom AND (top // bottom) % 2 <> 0 THEN 1 ELSE 0 END;
CREATE MACRO before_slash(t) AS left(t, instr(t, '/') - 1);
CREATE MACRO after_slash(t) AS substr(t, instr(t, '/') + 1);
CREATE MACRO is_scoped(t) AS starts_with(t, '@');

-- An event that stands twice counts once; only of those few is it asked which.
CREATE TABLE dropped AS
WITH twice AS (
  SELECT id FROM raw.gharchive__events
  WHERE repo_id IS NOT NULL AND created_at >= first_moment() AND created_at < today()
  GROUP BY id HAVING count(*) > 1
), ranked AS (
  SELECT rowid AS row, row_number() OVER (PARTITION BY id ORDER BY repo_id < 0, _load_id, hour) AS place
  FROM raw.gharchive__events SEMI JOIN twice USING (id)
  WHERE repo_id IS NOT NULL AND created_at >= first_moment() AND created_at < today()
)
SELECT row FROM ranked WHERE place > 1;

CREATE TABLE seen AS
SELECT repo_id, lower_ascii(repo_name) AS name, max(last_seen) AS last_seen
FROM (
  SELECT repo_id, repo_name, max(created_at) AS last_seen
  FROM raw.gharchive__events
  WHERE repo_id IS NOT NULL AND created_at >= first_moment() AND created_at < today()
    AND rowid NOT IN (SELECT row FROM dropped)
  GROUP BY ALL
)
WHERE instr(repo_name, '/') > 0
GROUP BY ALL;

CREATE TABLE numbered_repositories AS
WITH newest AS (
  SELECT * FROM seen
  QUALIFY row_number() OVER (PARTITION BY repo_id ORDER BY last_seen DESC, name) = 1
), bearers AS (
  SELECT name, repo_id FROM seen WHERE repo_id >= 0
  QUALIFY row_number() OVER (PARTITION BY name ORDER BY last_seen DESC, repo_id DESC) = 1
)
SELECT newest.repo_id, coalesce(real_ones.name, newest.name) AS name
FROM newest
LEFT JOIN bearers ON newest.repo_id < 0 AND bearers.name = newest.name
LEFT JOIN newest AS real_ones ON real_ones.repo_id = bearers.repo_id;

CREATE TABLE listed AS
SELECT
  entity_id('OSS_DIRECTORY', '', project_name) AS project_id,
  artifact_source, artifact_namespace, artifact_name,
  min(artifact_type) AS artifact_type, min(artifact_url) AS artifact_url
FROM raw.oss_directory__project_artifacts
GROUP BY project_name, artifact_source, artifact_namespace, artifact_name;

CREATE TABLE listed_elsewhere AS
SELECT listed.* REPLACE (coalesce(chain, artifact_source) AS artifact_source)
FROM listed LEFT JOIN chains ON artifact_source = 'ANY_EVM'
WHERE artifact_source <> 'GITHUB';

CREATE TABLE bills AS
WITH named AS (
  SELECT
    lower_ascii(repo) AS repository_name, package_source AS source,
    if(is_scoped(package_name) OR (package_source = 'GO' AND instr(package_name, '/') > 0),
       before_slash(package_name), '') AS namespace,
    if(is_scoped(package_name) OR package_source = 'GO', after_slash(package_name), package_name) AS name
  FROM raw.dependency_graph__repository_packages
)
SELECT DISTINCT repository_name, entity_id(source, namespace, name) AS package_id, source, namespace, name
FROM named;

CREATE TABLE repositories AS
WITH bearers AS (
  SELECT name, repo_id FROM seen
  QUALIFY row_number() OVER (PARTITION BY name ORDER BY repo_id < 0, last_seen DESC, repo_id DESC) = 1
), histories AS (
  SELECT DISTINCT lower_ascii(repo) AS name FROM (SELECT DISTINCT repo FROM raw.git_history__commits)
), names AS (
  SELECT name FROM bearers UNION SELECT name FROM histories UNION SELECT repository_name FROM bills
  UNION SELECT lower_ascii(artifact_namespace || '/' || artifact_name) FROM listed
  WHERE artifact_source = 'GITHUB' AND artifact_name <> ''
), resolved AS (
  SELECT
    names.name, newest.repo_id, coalesce(newest.name, names.name) AS newest_name,
    histories.name IS NOT NULL AS has_own_history
  FROM names
  LEFT JOIN bearers USING (name)
  LEFT JOIN numbered_repositories AS newest ON newest.repo_id = bearers.repo_id
  LEFT JOIN histories ON histories.name = names.name
)
SELECT
  name, before_slash(newest_name) AS namespace, after_slash(newest_name) AS own_name,
  entity_id('GITHUB', before_slash(newest_name), after_slash(newest_name)) AS artifact_id,
  if(repo_id >= 0, repo_id, NULL) AS repo_id,
  bool_or(has_own_history) OVER (PARTITION BY newest_name) AS has_history
FROM resolved;

-- Packages, their versions and what they need.
CREATE TABLE versions AS
WITH newest AS (
  SELECT
    *,
    if(is_scoped(name), before_slash(name), '') AS namespace,
    if(is_scoped(name), after_slash(name), name) AS own_name
  FROM raw.registries__packages
  QUALIFY _load_id = max(_load_id) OVER (PARTITION BY registry, name)
)
SELECT
  entity_id(registry, namespace, own_name) AS package_id, registry AS source, namespace, own_name AS name,
  version, max(license) AS license, max(repository) AS repository_url, min(released_at) AS released_at,
  bool_or(coalesce(is_yanked, FALSE)) AS is_yanked, bool_or(coalesce(is_prerelease, FALSE)) AS is_prerelease
FROM newest
GROUP BY registry, namespace, own_name, version;

CREATE TABLE needs AS
WITH named AS (
  SELECT
    *,
    if(is_scoped(name), before_slash(name), '') AS namespace,
    if(is_scoped(name), after_slash(name), name) AS own_name,
    if(is_scoped(dependency), before_slash(dependency), '') AS dependency_namespace,
    if(is_scoped(dependency), after_slash(dependency), dependency) AS dependency_name
  FROM raw.registries__dependencies
  QUALIFY _load_id = max(_load_id) OVER (PARTITION BY registry, name, version)
)
SELECT DISTINCT
  entity_id(registry, namespace, own_name) AS package_id, version,
  entity_id(registry, dependency_namespace, dependency_name) AS dependency_id,
  registry AS source, dependency_namespace AS namespace, dependency_name AS name,
  kind, coalesce(spec, '') AS requirement, coalesce(marker, '') AS marker
FROM named;

CREATE TABLE packages AS
SELECT package_id, min(source) AS source, min(namespace) AS namespace, min(name) AS name
FROM (
  SELECT package_id, source, namespace, name FROM versions
  UNION ALL SELECT dependency_id, source, namespace, name FROM needs
  UNION ALL SELECT package_id, source, namespace, name FROM bills
  UNION ALL
  SELECT entity_id(artifact_source, artifact_namespace, artifact_name), artifact_source, artifact_namespace, artifact_name
  FROM listed WHERE artifact_type = 'PACKAGE'
)
GROUP BY package_id;

CREATE TABLE downloads AS
SELECT
  entity_id(registry, if(is_scoped(name), before_slash(name), ''), if(is_scoped(name), after_slash(name), name)) AS package_id,
  any_value(registry) AS source, CAST(day AS DATE) AS day, max(downloads) AS n
FROM (FROM raw.registries__downloads QUALIFY _load_id = max(_load_id) OVER (PARTITION BY registry, name, day))
GROUP BY package_id, day;

-- Money: grants, and what was given at Open Collective, where the account that holds an event or a project stands for it.
CREATE TABLE collectives AS
SELECT DISTINCT lower_ascii(slug) AS name FROM raw.open_collective__collectives;
CREATE TABLE grants AS
WITH moves AS (
  SELECT
    *, lower_ascii(coalesce(from_parent_slug, from_slug)) AS giver, lower_ascii(coalesce(to_parent_slug, to_slug)) AS receiver
  FROM raw.open_collective__transactions
  QUALIFY row_number() OVER (PARTITION BY id ORDER BY _load_id DESC, created_at) = 1
), undone AS (
  SELECT refunded_group AS transaction_group FROM moves WHERE is_refund
  UNION SELECT transaction_group FROM moves WHERE is_refunded
), given AS (
  SELECT *, coalesce(entity_id('OPEN_COLLECTIVE', '', giver), entity_id('EMAIL', '', sha256(actor_key() || from_person_sha256))) AS giver_id
  FROM moves ANTI JOIN undone USING (transaction_group)
  WHERE kind IN ('CONTRIBUTION', 'ADDED_FUNDS') AND NOT coalesce(is_refund, FALSE)
    AND receiver IS NOT NULL AND receiver IS DISTINCT FROM giver AND amount_usd IS NOT NULL
  -- Where both of its accounts were read, the receiver's side counts.
  QUALIFY row_number() OVER (PARTITION BY transaction_group, kind ORDER BY type, id) = 1
)
SELECT
  grant_id, 'OSS_FUNDING' AS source, CAST(funding_date AS DATE) AS day, TRY_CAST(amount AS DECIMAL(38, 9)) AS amount,
  lower_ascii(from_funder_name) AS funder_name, entity_id('OSS_FUNDING', '', from_funder_name) AS funder_id,
  lower_ascii(to_project_name) AS receiver_name, entity_id('OSS_FUNDING', '', to_project_name) AS receiver_id,
  grant_pool_name
FROM raw.oss_funding__grants
UNION ALL
SELECT
  entity_id('CONTRIBUTION', transaction_group, kind), 'OPEN_COLLECTIVE', CAST(created_at AS DATE),
  abs(TRY_CAST(amount_usd AS DECIMAL(38, 9))), giver, giver_id, receiver, entity_id('OPEN_COLLECTIVE', '', receiver), NULL
FROM given;

CREATE TABLE artifacts AS
WITH others AS (
  SELECT
    entity_id(artifact_source, artifact_namespace, artifact_name) AS artifact_id, artifact_source AS source,
    artifact_namespace AS namespace, artifact_name AS name, artifact_type AS type, artifact_url AS url
  FROM listed_elsewhere
  UNION ALL
  SELECT
    entity_id(source, '', name), source, '', name, 'ACCOUNT',
    if(source = 'OPEN_COLLECTIVE', 'https://opencollective.com/' || name, NULL)
  FROM (
    SELECT source, funder_name AS name FROM grants UNION SELECT source, receiver_name FROM grants
    UNION SELECT 'OPEN_COLLECTIVE', name FROM collectives
  ) WHERE name IS NOT NULL
  UNION ALL SELECT package_id, source, namespace, name, 'PACKAGE', NULL FROM packages
), every AS (
  SELECT
    artifact_id, 'GITHUB' AS source, namespace, own_name AS name, 'REPOSITORY' AS type, max(repo_id) AS repo_id,
    'https://github.com/' || namespace || '/' || own_name AS url, bool_or(has_history) AS has_history
  FROM repositories GROUP BY artifact_id, namespace, own_name
  UNION ALL
  SELECT artifact_id, min(source), min(namespace), min(name), min(type), NULL, min(url), FALSE
  FROM others GROUP BY artifact_id
)
SELECT CAST(row_number() OVER () AS INTEGER) AS a, * FROM every;

CREATE TABLE projects AS
SELECT
  entity_id('OSS_DIRECTORY', '', name) AS project_id, lower_ascii(name) AS project_name,
  coalesce(display_name, name) AS display_name, description, coalesce(websites, []) AS websites, social
FROM raw.oss_directory__projects;

CREATE TABLE places AS
SELECT DISTINCT
  entity_id('OSS_DIRECTORY', '', collection_name) AS collection_id,
  entity_id('OSS_DIRECTORY', '', project_name) AS project_id
FROM raw.oss_directory__collection_projects;

CREATE TABLE by_project AS
SELECT project_id, a FROM (
  SELECT project_id, artifact_id FROM listed
  JOIN repositories ON repositories.name = lower_ascii(artifact_namespace || '/' || artifact_name)
  WHERE artifact_source = 'GITHUB' AND artifact_name <> ''
  UNION
  SELECT project_id, artifact_id FROM listed
  JOIN repositories ON repositories.namespace = lower_ascii(artifact_namespace)
  WHERE artifact_source = 'GITHUB' AND artifact_name = ''
  UNION
  SELECT project_id, entity_id(artifact_source, artifact_namespace, artifact_name) FROM listed_elsewhere
  UNION
  SELECT project_id, entity_id('OSS_FUNDING', '', project_name) FROM projects
  WHERE project_name IN (SELECT unnest([funder_name, receiver_name]) FROM grants WHERE source = 'OSS_FUNDING')
)
JOIN artifacts USING (artifact_id);

CREATE TABLE ecosystem_branches AS
SELECT entity_id('OPEN_DEV_DATA', '', ecosystem) AS ecosystem_id, branch, entity_id('OPEN_DEV_DATA', '', leaf) AS leaf_id, depth
FROM raw.open_dev_data__branches;

CREATE TABLE memberships AS
SELECT 'artifact' AS entity_type, artifact_id AS entity_id, a FROM artifacts
UNION ALL SELECT 'project', project_id, a FROM by_project
UNION ALL
SELECT DISTINCT 'collection', collection_id, a FROM places JOIN by_project USING (project_id)
UNION ALL
SELECT DISTINCT 'collection', ecosystem_id, a
FROM raw.open_dev_data__repositories AS listed
JOIN repositories ON repositories.name = listed.repository_name
JOIN artifacts USING (artifact_id)
JOIN ecosystem_branches ON leaf_id = entity_id('OPEN_DEV_DATA', '', listed.ecosystem);

-- An entity's number stands for its type, its id and the system of its artifacts; an artifact keeps its own.
CREATE TYPE source AS ENUM (SELECT DISTINCT source FROM artifacts ORDER BY source);
CREATE TABLE entities AS
SELECT a AS e, 'artifact' AS entity_type, artifact_id AS entity_id, CAST(source AS source) AS source, if(has_history, 1000000000, 0)::BIGINT AS history_share
FROM artifacts
UNION ALL
SELECT
  CAST((SELECT max(a) FROM artifacts) + row_number() OVER () AS INTEGER), entity_type, entity_id, CAST(source AS source),
  half_even(count(*) FILTER (has_history) * 1000000000, count(*))::BIGINT
FROM memberships JOIN artifacts USING (a)
WHERE entity_type <> 'artifact'
GROUP BY entity_type, entity_id, source;

-- Which entities other than itself an artifact belongs to.
CREATE TABLE members AS
SELECT entities.e, memberships.a
FROM memberships JOIN artifacts USING (a)
JOIN entities ON entities.entity_type = memberships.entity_type AND entities.entity_id = memberships.entity_id AND entities.source = artifacts.source
WHERE memberships.entity_type <> 'artifact';

CREATE TABLE every_member AS SELECT a AS e, a FROM artifacts UNION ALL SELECT e, a FROM members;

CREATE TABLE repository_numbers AS
SELECT numbered.repo_id, artifacts.a, artifacts.has_history
FROM numbered_repositories AS numbered
JOIN artifacts ON artifacts.artifact_id = entity_id('GITHUB', before_slash(numbered.name), after_slash(numbered.name));

-- Buckets: each by its number, the one before has one less.
CREATE TABLE days AS SELECT CAST(unnest(generate_series(DATE '1970-01-01', today()::DATE - 1, INTERVAL 1 DAY)) AS DATE) AS day;
CREATE MACRO week(d) AS CAST((d - DATE '1969-12-29') // 7 AS INTEGER);
CREATE MACRO month_(d) AS CAST(year(d) * 12 + month(d) AS INTEGER);
CREATE MACRO quarter_(d) AS CAST(year(d) * 4 + quarter(d) AS INTEGER);
CREATE MACRO year_(d) AS CAST(year(d) AS INTEGER);
CREATE MACRO of_month(m) AS ((m - 1) // 12) * 4 + ((m - 1) % 12) // 3 + 1;
CREATE TABLE dates AS
SELECT CAST('daily' AS bucket) AS bucket, day, day AS sample_date, day + 1 AS next_date, CAST(day - DATE '1970-01-01' AS INTEGER) AS o FROM days
UNION ALL SELECT 'weekly', day, date_trunc('week', day)::DATE, date_trunc('week', day)::DATE + 7, week(day) FROM days
UNION ALL SELECT 'monthly', day, date_trunc('month', day)::DATE, (date_trunc('month', day) + INTERVAL 1 MONTH)::DATE, month_(day) FROM days
UNION ALL SELECT 'quarterly', day, date_trunc('quarter', day)::DATE, (date_trunc('quarter', day) + INTERVAL 3 MONTH)::DATE, quarter_(day) FROM days
UNION ALL SELECT 'yearly', day, date_trunc('year', day)::DATE, (date_trunc('year', day) + INTERVAL 1 YEAR)::DATE, year_(day) FROM days
UNION ALL SELECT 'all_time', day, DATE '1970-01-01', DATE '9999-12-31', 0 FROM days;
CREATE TABLE buckets AS
SELECT bucket, o, any_value(sample_date) AS sample_date, max(next_date) AS next_date, max(day) AS last_day, count(*) AS day_count
FROM dates GROUP BY bucket, o;

CREATE TABLE coverage AS
WITH hours AS (
  SELECT
    hour, bool_or(coalesce(has_commits, hour < TIMESTAMPTZ '2025-10-07 00:00:00+00')) AS commits,
    bool_or(coalesce(has_merges, TRUE)) AS merges, bool_or(coalesce(has_threads, TRUE)) AS threads
  FROM raw.gharchive__hours GROUP BY hour
), collected AS (
  SELECT
    CAST(hour AS DATE) AS day, count(*) AS events, count(*) FILTER (commits) AS commits,
    count(*) FILTER (merges) AS merges, count(*) FILTER (commits AND merges) AS contributions,
    count(*) FILTER (threads AND merges) AS threads
  FROM hours GROUP BY ALL
), counted AS (
  SELECT
    bucket, o, 24 * count(*) AS whole, max(next_date) <= today()::DATE AS is_complete,
    coalesce(sum(events), 0) AS events, coalesce(sum(commits), 0) AS commits, coalesce(sum(merges), 0) AS merges,
    coalesce(sum(contributions), 0) AS contributions, coalesce(sum(threads), 0) AS threads
  FROM dates LEFT JOIN collected USING (day)
  WHERE bucket <> 'all_time' OR day >= (SELECT min(day) FROM collected) OR NOT EXISTS (FROM collected)
  GROUP BY bucket, o
), told AS (
  SELECT 'events' AS basis, bucket, o, events AS alone, events AS beside, whole, is_complete FROM counted
  UNION ALL SELECT 'commits', bucket, o, commits, whole, whole, is_complete FROM counted
  UNION ALL SELECT 'contributions', bucket, o, contributions, merges, whole, is_complete FROM counted
  UNION ALL SELECT 'merges', bucket, o, merges, merges, whole, is_complete FROM counted
  UNION ALL SELECT 'threads', bucket, o, threads, threads, whole, is_complete FROM counted
  UNION ALL SELECT 'snapshot', bucket, o, whole, whole, whole, is_complete FROM counted
  UNION ALL
  SELECT 'downloads:' || source, bucket, o, coalesce(sum(told), 0), coalesce(sum(told), 0), sum(packages), max(next_date) <= today()::DATE
  FROM (SELECT source, min(day) AS since, count(DISTINCT package_id) AS packages FROM downloads GROUP BY source)
  JOIN dates ON bucket <> 'all_time' OR day >= since
  LEFT JOIN (SELECT source, day, count(*) AS told FROM downloads GROUP BY ALL) USING (source, day)
  GROUP BY source, bucket, o
)
SELECT
  basis, bucket, o, half_even(alone * 1000000000, whole)::BIGINT AS alone,
  half_even(beside * 1000000000, whole)::BIGINT AS beside, is_complete
FROM told;
