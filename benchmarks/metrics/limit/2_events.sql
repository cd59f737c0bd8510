-- What happened, in whole numbers: events that need no person as counts of a day, commits with who signed them, and
-- what links those to accounts. 64-bit hashes stand for texts that only have to be told apart.
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
SELECT login, person_of('@' || login) AS account, actor_id FROM events SEMI JOIN nameless USING (login)
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

-- Commits that pushes listed, and those of histories, each with a number for how its author is written.
CREATE TABLE pushed AS
SELECT
  repo_id, created_at AS moment, hash(sha) AS s, person_of(coalesce(author_email_sha256, author_name, '')) AS p,
  is_bot(author_name) AS is_bot
FROM (
  SELECT repo_id, created_at, unnest(commits, recursive := true)
  FROM raw.gharchive__events
  WHERE type = 'PushEvent' AND len(commits) > 0 AND repo_id IS NOT NULL
    AND created_at >= first_moment() AND created_at < today()
    AND rowid NOT IN (SELECT row FROM dropped)
)
WHERE sha IS NOT NULL;

CREATE MACRO signature(canon, signed, pushed, canon_name, name, id, login) AS hash(canon, signed, pushed, canon_name, name, id, login);
CREATE TABLE signatures AS
SELECT
  signature(canon, signed, pusher, canon_name, name, id, login) AS g,
  coalesce(canon, signed, name, '') AS person, coalesce(signed, canon, name, '') AS signer, pusher,
  coalesce(CAST(id AS VARCHAR), '@' || lower_ascii(login)) AS account,
  is_bot(coalesce(canon_name, name)) OR is_bot(login) AS is_bot
FROM (
  SELECT DISTINCT
    author_canon_email_sha256 AS canon, author_email_sha256 AS signed, author_pushed_email_sha256 AS pusher,
    author_canon_name AS canon_name, author_name AS name, author_noreply_id AS id, author_noreply_login AS login
  FROM raw.git_history__commits
);

CREATE TABLE histories AS
WITH places AS (
  SELECT repo, a, dense_rank() OVER (ORDER BY lower_ascii(repo))::INTEGER AS place
  FROM (SELECT DISTINCT repo FROM raw.git_history__commits)
  JOIN repositories ON repositories.name = lower_ascii(repo)
  JOIN artifacts USING (artifact_id)
)
SELECT
  a, place, hash(sha) AS s, committer_time AS moment, is_merge, _load_id AS load,
  signature(
    author_canon_email_sha256, author_email_sha256, author_pushed_email_sha256, author_canon_name, author_name,
    author_noreply_id, author_noreply_login) AS g
FROM raw.git_history__commits JOIN places USING (repo);
-- A history that was read again has its commits twice.
CREATE TABLE reread AS SELECT place, s FROM histories GROUP BY ALL HAVING count(*) > 1;
DELETE FROM histories WHERE rowid IN (
  SELECT rowid FROM histories SEMI JOIN reread USING (place, s)
  QUALIFY row_number() OVER (PARTITION BY place, s ORDER BY load DESC) > 1
);

-- What links who signed commits to accounts and to one another, but for bots and for what many people share.
CREATE MACRO account_of(text) AS coalesce(TRY_CAST(text AS UBIGINT), person_of(text));
CREATE TABLE nobodies AS
WITH listed AS (
  SELECT coalesce(address, '') AS address, regexp_extract(address, '^(.*)@([^@]*)$', ['own', 'host']) AS parts FROM shared_addresses
)
SELECT person_of(sha256(address)) AS p FROM listed
UNION SELECT person_of(sha256(sha1(parts.own) || '@' || parts.host)) FROM listed WHERE instr(address, '@') > 0
UNION SELECT person_of(unnest([person, signer])) FROM signatures SEMI JOIN histories USING (g) WHERE is_bot
UNION SELECT p FROM pushed WHERE is_bot
UNION SELECT coalesce(actor_id::UBIGINT, person_of('@' || login), 0) FROM events WHERE is_bot AND number IS NOT NULL;

CREATE TABLE links AS
WITH told AS (
  SELECT * FROM signatures JOIN (SELECT g, count(*) AS n FROM histories GROUP BY g) USING (g)
), bearers AS (
  SELECT DISTINCT coalesce(CAST(events.actor_id AS VARCHAR), CAST(accounts.actor_id AS VARCHAR), '@' || events.login) AS account, events.login
  FROM events LEFT JOIN accounts ON events.actor_id IS NULL AND accounts.login = events.login
  WHERE number IS NOT NULL AND NOT is_bot AND events.login IS NOT NULL
), logins AS (
  SELECT '@' || login AS account, min(account) AS bearer, count(*) AS bearers FROM bearers GROUP BY login
), given AS (
  SELECT sha256(account || '+' || login || '@users.noreply.github.com') AS address, account FROM bearers
  UNION ALL
  SELECT sha256(substr(account, 2) || '@users.noreply.github.com'), bearer FROM logins WHERE bearers = 1
), used AS (
  -- A commit that was pushed again on another day tells once more.
  SELECT address, account, count(DISTINCT (CAST(moment AS DATE), repo_id, s)) AS n
  FROM pushed JOIN given ON person_of(address) = p GROUP BY ALL
), found AS (
  SELECT signer AS one, coalesce(bearer, account) AS other, 'NOREPLY' AS reason, n
  FROM told LEFT JOIN logins USING (account) WHERE account IS NOT NULL AND coalesce(bearers, 1) = 1
  UNION ALL SELECT address, account, 'NOREPLY_HASH', n FROM used
  UNION ALL SELECT person, signer, 'MAILMAP', n FROM told WHERE person <> signer
  UNION ALL SELECT signer, pusher, 'SAME_ADDRESS', n FROM told WHERE pusher <> signer AND person_of(pusher) IN (SELECT p FROM pushed)
), numbered AS (
  SELECT
    *, reason IN ('NOREPLY', 'NOREPLY_HASH') AS is_account, person_of(one) AS p,
    if(is_account, account_of(other), person_of(other)) AS other_p
  FROM found
)
SELECT p, other_p, reason, is_account, any_value(one) AS one, any_value(other) AS other, sum(n)::BIGINT AS n
FROM numbered WHERE p NOT IN (FROM nobodies) AND other_p NOT IN (FROM nobodies)
GROUP BY ALL;

-- An account comes before addresses; ids are what anybody else would order them by.
CREATE TABLE actors AS
SELECT CAST(row_number() OVER (ORDER BY NOT is_account, id) - 1 AS INTEGER) AS number, p
FROM (
  SELECT p, FALSE AS is_account, entity_id('EMAIL', '', sha256(actor_key() || one)) AS id FROM links
  UNION
  SELECT
    other_p, is_account,
    if(is_account, entity_id('GITHUB_ACCOUNT', '', other), entity_id('EMAIL', '', sha256(actor_key() || other)))
  FROM links
);
