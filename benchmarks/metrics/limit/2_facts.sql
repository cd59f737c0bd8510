-- What happened, in whole numbers: events that need no person as counts of a day, contributions by person, and
-- commits once each. 64-bit hashes stand for texts that only have to be told apart.
CREATE MACRO person_of(text) AS hash(text) | 9223372036854775808::UBIGINT;
CREATE TYPE event_type AS ENUM (
  'PUSH', 'ISSUE_OPENED', 'ISSUE_CLOSED', 'ISSUE_REOPENED', 'PULL_REQUEST_OPENED', 'PULL_REQUEST_CLOSED',
  'PULL_REQUEST_REOPENED', 'PULL_REQUEST_MERGED', 'REVIEW', 'REVIEW_COMMENT', 'ISSUE_COMMENT', 'STARRED', 'FORKED', 'RELEASE');

CREATE TABLE events AS
WITH told AS (
  SELECT
    *,
    coalesce(pull_request_is_merged, FALSE) OR pull_request_merged_at IS NOT NULL AS is_merged
  FROM raw.gharchive__events
  WHERE repo_id IS NOT NULL AND created_at >= first_moment() AND created_at < today()
    AND rowid NOT IN (SELECT row FROM dropped)
), typed AS (
  SELECT
    *,
    CAST(CASE type
      WHEN 'PushEvent' THEN 'PUSH'
      WHEN 'WatchEvent' THEN 'STARRED'
      WHEN 'ForkEvent' THEN 'FORKED'
      WHEN 'IssueCommentEvent' THEN if(coalesce(action, 'created') = 'created', 'ISSUE_COMMENT', NULL)
      WHEN 'PullRequestReviewCommentEvent' THEN if(coalesce(action, 'created') = 'created', 'REVIEW_COMMENT', NULL)
      WHEN 'PullRequestReviewEvent' THEN if(coalesce(action, 'created') IN ('created', 'submitted'), 'REVIEW', NULL)
      WHEN 'ReleaseEvent' THEN if(coalesce(action, 'published') = 'published', 'RELEASE', NULL)
      WHEN 'IssuesEvent' THEN
        CASE action WHEN 'opened' THEN 'ISSUE_OPENED' WHEN 'closed' THEN 'ISSUE_CLOSED' WHEN 'reopened' THEN 'ISSUE_REOPENED' END
      WHEN 'PullRequestEvent' THEN
        CASE action WHEN 'opened' THEN 'PULL_REQUEST_OPENED' WHEN 'reopened' THEN 'PULL_REQUEST_REOPENED'
          WHEN 'merged' THEN 'PULL_REQUEST_MERGED'
          WHEN 'closed' THEN if(is_merged, 'PULL_REQUEST_MERGED', 'PULL_REQUEST_CLOSED') END
      END AS event_type) AS event_type
  FROM told
)
SELECT
  event_type, id, created_at, CAST(created_at AS DATE) AS day, repo_id, actor_id, lower_ascii(actor_login) AS login,
  is_bot(actor_login) AS is_bot, coalesce(pull_request_number, issue_number) AS number,
  pull_request_number IS NOT NULL OR issue_pull_request_url IS NOT NULL AS is_pull_request,
  coalesce(pull_request_created_at, issue_created_at) AS opened_at,
  coalesce(pull_request_user_id, issue_user_id) AS opener_id,
  lower_ascii(coalesce(pull_request_user_login, issue_user_login)) AS opener_login
FROM typed
WHERE event_type IS NOT NULL;

-- Logins without a number, as older hours tell: whoever was first seen to bear one.
CREATE TABLE accounts AS
WITH nameless AS (SELECT DISTINCT login FROM events WHERE actor_id IS NULL AND login IS NOT NULL)
SELECT login, actor_id FROM events SEMI JOIN nameless USING (login)
WHERE number IS NOT NULL AND actor_id IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY login ORDER BY created_at, CAST(actor_id AS VARCHAR)) = 1;

CREATE TABLE counts_daily AS
SELECT
  a, day, count(*) FILTER (event_type = 'STARRED') AS stars, count(*) FILTER (event_type = 'FORKED') AS forks,
  count(*) FILTER (event_type = 'PUSH') AS pushes, count(*) FILTER (event_type = 'RELEASE') AS releases,
  count(*) FILTER (event_type IN ('ISSUE_COMMENT', 'REVIEW_COMMENT')) AS comments,
  count(*) FILTER (event_type = 'REVIEW') AS reviews,
  count(*) FILTER (event_type = 'ISSUE_OPENED') AS issues_opened,
  count(*) FILTER (event_type = 'ISSUE_CLOSED') AS issues_closed,
  count(*) FILTER (event_type = 'PULL_REQUEST_OPENED') AS pull_requests_opened,
  count(*) FILTER (event_type = 'PULL_REQUEST_CLOSED') AS pull_requests_closed,
  count(*) FILTER (event_type = 'PULL_REQUEST_MERGED') AS pull_requests_merged,
  bool_or(event_type <= CAST('PULL_REQUEST_MERGED' AS event_type)) AS is_active
FROM events JOIN repository_numbers USING (repo_id)
GROUP BY a, day;

CREATE TABLE acts AS
SELECT
  a, day, coalesce(events.actor_id::UBIGINT, accounts.actor_id::UBIGINT, person_of('@' || events.login), 0) AS p,
  event_type::VARCHAR AS kind, bool_or(is_bot) AS is_bot, count(*)::INTEGER AS n
FROM events JOIN repository_numbers USING (repo_id)
LEFT JOIN accounts ON events.actor_id IS NULL AND accounts.login = events.login
WHERE event_type IN ('ISSUE_OPENED', 'PULL_REQUEST_OPENED', 'PULL_REQUEST_MERGED', 'REVIEW')
GROUP BY ALL;

-- Every commit that a history holds or, where there is none, a push listed.
CREATE TABLE listings AS
SELECT
  a, hash(sha) AS s, created_at AS moment,
  person_of(coalesce(author_email_sha256, author_name, '')) AS p, is_bot(author_name) AS is_bot,
  FALSE AS is_merge, NULL::INTEGER AS name_number, 0 AS load, repo_id
FROM (
  SELECT repo_id, created_at, unnest(commits, recursive := true)
  FROM raw.gharchive__events
  WHERE type = 'PushEvent' AND len(commits) > 0 AND created_at >= first_moment() AND created_at < today()
    AND repo_id IN (SELECT repo_id FROM repository_numbers WHERE NOT has_history)
    AND rowid NOT IN (SELECT row FROM dropped)
)
JOIN repository_numbers USING (repo_id)
WHERE sha IS NOT NULL
UNION ALL
SELECT
  named.a, hash(sha), committer_time,
  person_of(coalesce(author_canon_email_sha256, author_email_sha256, author_name, '')),
  is_bot(coalesce(author_canon_name, author_name)) OR is_bot(author_noreply_login),
  is_merge, named.number, _load_id, NULL
FROM raw.git_history__commits AS commits
JOIN (
  SELECT repo, a, dense_rank() OVER (ORDER BY lower_ascii(repo))::INTEGER AS number
  FROM (SELECT DISTINCT repo FROM raw.git_history__commits)
  JOIN repositories ON repositories.name = lower_ascii(repo)
  JOIN artifacts USING (artifact_id)
) AS named ON named.repo = commits.repo;

-- Most stand in one place once. Of the others it is asked which counts, and in which entities.
CREATE TABLE several AS SELECT s FROM listings GROUP BY s HAVING count(*) > 1;
CREATE TABLE disputed AS
WITH found AS (
  SELECT * FROM listings SEMI JOIN several USING (s)
), own AS (
  SELECT a, s, moment, p, is_bot FROM (
    SELECT * FROM found WHERE name_number IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY name_number, s ORDER BY load DESC) = 1
  ) WHERE NOT is_merge
  UNION ALL
  SELECT a, s, moment, p, is_bot FROM found WHERE name_number IS NULL
  QUALIFY row_number() OVER (PARTITION BY CAST(moment AS DATE), repo_id, s ORDER BY moment, p) = 1
)
SELECT * FROM own QUALIFY row_number() OVER (PARTITION BY a, s ORDER BY moment, p, is_bot) = 1;

-- Who contributed where on which day: n contributions, c of them commits.
CREATE TABLE certain AS
SELECT a, CAST(moment AS DATE) AS day, p, 'COMMIT' AS kind, bool_or(is_bot) AS is_bot, count(*)::INTEGER AS n
FROM listings ANTI JOIN several USING (s)
WHERE NOT is_merge AND moment >= TIMESTAMPTZ '1970-01-01 00:00:00+00' AND moment < today()
GROUP BY ALL;
CREATE TABLE uncertain AS
SELECT a AS e, CAST(moment AS DATE) AS day, p, 'COMMIT' AS kind, bool_or(is_bot) AS is_bot, count(*)::INTEGER AS n
FROM disputed WHERE moment >= TIMESTAMPTZ '1970-01-01 00:00:00+00' AND moment < today()
GROUP BY ALL
UNION ALL
SELECT e, CAST(moment AS DATE) AS day, p, 'COMMIT', bool_or(is_bot), count(*)::INTEGER
FROM (
  SELECT e, s, moment, p, is_bot FROM disputed JOIN members USING (a)
  QUALIFY row_number() OVER (PARTITION BY e, s ORDER BY moment, p, is_bot) = 1
)
WHERE moment >= TIMESTAMPTZ '1970-01-01 00:00:00+00' AND moment < today()
GROUP BY ALL;

-- Whoever was once called a bot is looked at by type; all others are people throughout.
CREATE TABLE doubtful AS
SELECT DISTINCT p FROM (
  SELECT p FROM acts WHERE is_bot UNION ALL SELECT p FROM certain WHERE is_bot UNION ALL SELECT p FROM uncertain WHERE is_bot
);
CREATE TABLE own_daily AS
SELECT a, day, p, sum(n)::INTEGER AS n, sum(c)::INTEGER AS c
FROM (
  SELECT a, day, p, n, 0 AS c FROM acts ANTI JOIN doubtful USING (p)
  UNION ALL SELECT a, day, p, n, n FROM certain ANTI JOIN doubtful USING (p)
)
GROUP BY ALL;
CREATE TABLE people_daily AS
SELECT e, day, p, sum(n)::INTEGER AS n, sum(c)::INTEGER AS c
FROM (
  SELECT a AS e, day, p, n, c FROM own_daily
  UNION ALL SELECT e, day, p, n, c FROM own_daily JOIN members USING (a)
  UNION ALL SELECT e, day, p, n, n FROM uncertain ANTI JOIN doubtful USING (p)
)
GROUP BY ALL;
CREATE TABLE doubtful_daily AS
SELECT e, day, p, kind, bool_or(is_bot) AS is_bot, sum(n)::INTEGER AS n
FROM (
  SELECT e, day, p, kind, is_bot, n FROM acts SEMI JOIN doubtful USING (p) JOIN every_member USING (a)
  UNION ALL SELECT e, day, p, kind, is_bot, n FROM certain SEMI JOIN doubtful USING (p) JOIN every_member USING (a)
  UNION ALL SELECT e, day, p, kind, is_bot, n FROM uncertain SEMI JOIN doubtful USING (p)
)
GROUP BY ALL;
-- Events by accounts and days on which a repository was active, by people or bots.
CREATE TABLE active_days AS
SELECT a, day FROM counts_daily WHERE is_active
UNION SELECT a, day FROM certain UNION SELECT e, day FROM uncertain JOIN artifacts ON a = e;
