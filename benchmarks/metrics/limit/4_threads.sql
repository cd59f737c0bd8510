-- Issues and pull requests, and how long they took.
CREATE TABLE thread_events AS
SELECT
  id, repo_id, number, event_type, created_at, is_pull_request, is_bot, login,
  coalesce(CAST(actor_id AS VARCHAR), '@' || login, '') AS account, opened_at,
  coalesce(CAST(opener_id AS VARCHAR), '@' || opener_login) AS opener_account, opener_login
FROM events WHERE number IS NOT NULL;

CREATE TABLE threads AS
WITH openings AS (
  SELECT
    repo_id, number, bool_or(event_type IN ('ISSUE_OPENED', 'PULL_REQUEST_OPENED')) AS is_opening_collected,
    coalesce(min(opened_at), min(created_at) FILTER (event_type IN ('ISSUE_OPENED', 'PULL_REQUEST_OPENED'))) AS opened_at,
    coalesce(min(account) FILTER (event_type IN ('ISSUE_OPENED', 'PULL_REQUEST_OPENED')), min(opener_account)) AS opener_account,
    coalesce(min(login) FILTER (event_type IN ('ISSUE_OPENED', 'PULL_REQUEST_OPENED')), min(opener_login)) AS opener_login,
    min(created_at) FILTER (event_type = 'PULL_REQUEST_MERGED') AS merged_at
  FROM thread_events GROUP BY repo_id, number
), told AS (
  SELECT
    openings.*, created_at, event_type, is_bot,
    account = openings.opener_account OR coalesce(login = openings.opener_login, FALSE) AS is_by_opener
  FROM thread_events JOIN openings USING (repo_id, number)
)
SELECT
  a, repo_id, number, any_value(is_opening_collected) AS is_opening_collected, any_value(opened_at) AS opened_at,
  any_value(merged_at) AS merged_at,
  min(created_at) FILTER (
    event_type IN ('ISSUE_COMMENT', 'REVIEW', 'REVIEW_COMMENT', 'ISSUE_CLOSED', 'PULL_REQUEST_CLOSED', 'PULL_REQUEST_MERGED')
    AND NOT is_bot AND NOT is_by_opener AND created_at >= opened_at) AS answered_at,
  bool_or(is_by_opener) FILTER (event_type = 'PULL_REQUEST_MERGED' AND created_at = merged_at)
  AND count(*) FILTER (event_type IN ('ISSUE_COMMENT', 'REVIEW', 'REVIEW_COMMENT') AND NOT is_by_opener AND created_at <= merged_at) = 0
    AS is_self_merged
FROM told JOIN repository_numbers USING (repo_id)
GROUP BY a, repo_id, number;

CREATE TABLE durations AS
SELECT 'first_response' AS duration, a, CAST(opened_at AS DATE) AS day, date_diff('microsecond', opened_at, answered_at) // 1000000 AS seconds
FROM threads WHERE is_opening_collected
UNION ALL
SELECT 'merge', a, CAST(merged_at AS DATE), date_diff('microsecond', opened_at, merged_at) // 1000000
FROM threads WHERE merged_at >= opened_at
UNION ALL
SELECT 'close', a, CAST(created_at AS DATE), date_diff('microsecond', threads.opened_at, created_at) // 1000000
FROM (
  SELECT DISTINCT a, repo_id, number, created_at, threads.opened_at
  FROM thread_events JOIN threads USING (repo_id, number)
  WHERE event_type = 'ISSUE_CLOSED' AND created_at >= threads.opened_at
) AS threads;

CREATE TABLE percentiles AS
SELECT
  duration, e, bucket, o, quantile_disc(seconds, [0.5, 0.9]) AS quantiles, count(*) - count(seconds) AS unended
FROM durations JOIN every_member USING (a) JOIN dates USING (day)
GROUP BY ALL;

CREATE TABLE self_merges AS
SELECT e, bucket, o, count(*) FILTER (is_self_merged) AS own, count(*) AS whole
FROM threads JOIN every_member USING (a) JOIN dates ON day = CAST(merged_at AS DATE)
WHERE is_self_merged IS NOT NULL
GROUP BY ALL;

CREATE TABLE open_issues AS
WITH spans AS (
  SELECT
    repo_id, number, event_type, created_at AS started_at,
    lead(created_at) OVER (PARTITION BY repo_id, number ORDER BY created_at, id) AS ended_at
  FROM thread_events WHERE event_type IN ('ISSUE_OPENED', 'ISSUE_CLOSED', 'ISSUE_REOPENED')
), opened AS (
  SELECT a, opened_at, CAST(started_at AS DATE) AS started_on, CAST(ended_at AS DATE) AS ended_on
  FROM spans JOIN threads USING (repo_id, number)
  WHERE event_type <> 'ISSUE_CLOSED' AND opened_at <= started_at
), ends AS (
  SELECT bucket, o, last_day FROM buckets JOIN coverage USING (bucket, o)
  WHERE basis = 'threads' AND alone > 0 AND bucket IN ('monthly', 'quarterly', 'yearly')
)
SELECT
  e, bucket, o, quantile_disc(date_diff('microsecond', opened_at, CAST(last_day + 1 AS TIMESTAMPTZ)) // 1000000, 0.5) AS seconds
FROM opened
JOIN ends ON last_day >= started_on AND last_day < coalesce(ended_on, DATE '9999-12-31')
JOIN every_member USING (a)
GROUP BY ALL;
