-- Who did what, by persons: contributions of a day, and commits once each.
CREATE TABLE acts AS
WITH told AS (
  SELECT
    repo_id, day, coalesce(actor_id::UBIGINT, person_of('@' || login), 0) AS account, event_type,
    bool_or(is_bot) AS is_bot, count(*)::INTEGER AS n
  FROM events
  WHERE event_type IN ('ISSUE_OPENED', 'PULL_REQUEST_OPENED', 'PULL_REQUEST_MERGED', 'REVIEW')
  GROUP BY ALL
)
SELECT a, day, coalesce(person, actor_id::UBIGINT, told.account) AS p, is_bot, sum(n)::INTEGER AS n
FROM told JOIN repository_numbers USING (repo_id)
LEFT JOIN accounts ON accounts.account = told.account
LEFT JOIN persons ON persons.p = coalesce(actor_id::UBIGINT, told.account)
GROUP BY ALL;

-- Every commit that a history holds or, where there is none, a push listed.
CREATE TABLE listings AS
WITH found AS (
  SELECT a, s, moment, p, is_bot, FALSE AS is_merge, repo_id
  FROM pushed JOIN repository_numbers USING (repo_id) WHERE NOT has_history
  UNION ALL
  SELECT a, s, moment, person_of(person), is_bot, is_merge, NULL FROM histories JOIN signatures USING (g)
)
SELECT found.*, coalesce(person, found.p) AS person FROM found LEFT JOIN persons ON persons.p = found.p;

-- Most stand in one place once. Of the others it is asked which counts, and in which entities.
CREATE TABLE several AS SELECT s FROM listings GROUP BY s HAVING count(*) > 1;
CREATE TABLE disputed AS
SELECT a, s, moment, p, is_bot, person FROM listings SEMI JOIN several USING (s) WHERE NOT is_merge
QUALIFY row_number() OVER (PARTITION BY a, s ORDER BY moment, p, is_bot) = 1;

-- Who committed where on which day.
CREATE TABLE certain AS
SELECT a, CAST(moment AS DATE) AS day, person AS p, is_bot, count(*)::INTEGER AS n
FROM listings ANTI JOIN several USING (s)
WHERE NOT is_merge AND moment >= TIMESTAMPTZ '1970-01-01 00:00:00+00' AND moment < today()
GROUP BY ALL;
CREATE TABLE uncertain AS
SELECT e, CAST(moment AS DATE) AS day, person AS p, is_bot, count(*)::INTEGER AS n
FROM (
  SELECT a AS e, moment, person, is_bot FROM disputed
  UNION ALL
  SELECT e, moment, person, is_bot FROM disputed JOIN members USING (a)
  QUALIFY row_number() OVER (PARTITION BY e, s ORDER BY moment, person, is_bot) = 1
)
WHERE moment >= TIMESTAMPTZ '1970-01-01 00:00:00+00' AND moment < today()
GROUP BY ALL;

-- Who contributed where on which day: n contributions, c of them commits.
CREATE TABLE own_daily AS
SELECT a, day, p, sum(n)::INTEGER AS n, sum(c)::INTEGER AS c
FROM (
  SELECT a, day, p, n, 0 AS c FROM acts WHERE NOT is_bot
  UNION ALL SELECT a, day, p, n, n FROM certain WHERE NOT is_bot
)
GROUP BY ALL;
CREATE TABLE people_daily AS
SELECT e, day, p, sum(n)::INTEGER AS n, sum(c)::INTEGER AS c
FROM (
  SELECT a AS e, day, p, n, c FROM own_daily
  UNION ALL SELECT e, day, p, n, c FROM own_daily JOIN members USING (a)
  UNION ALL SELECT e, day, p, n, n FROM uncertain WHERE NOT is_bot
)
GROUP BY ALL;
CREATE TABLE bots_daily AS
SELECT e, day, n FROM acts JOIN every_member USING (a) WHERE is_bot
UNION ALL SELECT e, day, n FROM certain JOIN every_member USING (a) WHERE is_bot
UNION ALL SELECT e, day, n FROM uncertain WHERE is_bot;
-- Days on which a repository was active, by people or bots.
CREATE TABLE active_days AS
SELECT a, day FROM counts_daily WHERE is_active
UNION SELECT a, day FROM certain UNION SELECT e, day FROM uncertain JOIN artifacts ON a = e;
