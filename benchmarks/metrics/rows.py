"""Raw events and commits of any number of days, made in DuckDB alone: `oso sample` makes files, one event
after another, and 50 million of those take an hour to write and as long to collect.

The shape is the sample's: the same repositories and accounts, few of which do much, and its share of each
type of event. Beside it, an account stays with a few repositories and a thread lives for some weeks, as real
ones do: else every event would be the only one of its person, and nothing could be counted together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from oso_processors.collectors.gharchive import EVENTS
from oso_processors.collectors.schema import columns
from oso_processors.sample.events import TYPES
from oso_processors.sample.world import BOTS, END, NAMES, WORDS

# What draws a number from 0 to 1 for a row, anew for each purpose.
CHANCE = "(hash(i, '{0}') / 18446744073709551616)"
# Few come often: weights fall as a power of the rank, as in the sample.
RANK = "CAST(floor(pow(pow(3, 0.1) + {chance} * (pow({many} + 3, 0.1) - pow(3, 0.1)), 10) - 3) AS BIGINT)"
MACROS = f"""
CREATE OR REPLACE MACRO word(n) AS {list(WORDS)}[1 + n % {len(WORDS)}];
CREATE OR REPLACE MACRO owner_of(n) AS word(n // 3) || '-' || n // 6;
CREATE OR REPLACE MACRO repository_of(n, is_late) AS
  owner_of(n) || '/' || word(n * 7) || n || CASE WHEN is_late AND n % 40 = 2 THEN '-next' ELSE '' END;
CREATE OR REPLACE MACRO is_bot_number(n) AS n % 9 = 3 AND n // 9 < {len(BOTS)};
CREATE OR REPLACE MACRO login_of(n) AS
  CASE WHEN is_bot_number(n) THEN {list(BOTS)}[1 + n // 9]
       WHEN n = 5 THEN 'botantony' ELSE {list(NAMES)}[1 + n % {len(NAMES)}] || n END;
CREATE OR REPLACE MACRO is_given(n) AS is_bot_number(n) OR n % 4 = 0;
CREATE OR REPLACE MACRO local_of(n) AS
  CASE WHEN is_bot_number(n) THEN login_of(n) WHEN n % 4 = 0 THEN 5000000 + n || '+' || login_of(n)
       WHEN n = 5 THEN 'antony' ELSE login_of(n) END;
CREATE OR REPLACE MACRO host_of(n) AS CASE WHEN is_given(n) THEN 'users.noreply.github.com' ELSE 'example.org' END;
CREATE OR REPLACE MACRO address_of(n) AS sha256(local_of(n) || '@' || host_of(n));
CREATE OR REPLACE MACRO pushed_address_of(n) AS
  CASE WHEN is_given(n) THEN address_of(n) ELSE sha256(sha1(local_of(n)) || '@' || host_of(n)) END;
CREATE OR REPLACE MACRO team_of(n) AS 4 + CAST(floor(400 / sqrt(n + 3)) AS BIGINT);
CREATE OR REPLACE MACRO member(n, k, people) AS CAST(hash(n, k) % people AS BIGINT);
"""
KINDS = list(TYPES)
LIMITS = [sum(list(TYPES.values())[: rank + 1]) for rank, _ in enumerate(TYPES)]
DRAWN = f"""
  SELECT
    i,
    i // {{per_day}} AS day,
    {KINDS}[1 + len(list_filter({LIMITS}, limit_ -> limit_ <= hash(i, 'kind') % {LIMITS[-1]}))] AS kind,
    {RANK.format(chance=CHANCE.format("repository"), many="{repositories}")} AS n,
    CAST(86399 * ({CHANCE.format("one")} + {CHANCE.format("two")}) / 2 AS BIGINT) AS second,
    hash(i, 'action') % 100 AS luck,
    {CHANCE.format("person")} AS whom,
    hash(i, 'thread') AS thread_hash
  FROM range({{first}} * {{per_day}}, {{last}} * {{per_day}}) AS t(i)
"""
PLACED = f"""
  SELECT
    *,
    DATE '{{start}}' + CAST(day AS INTEGER) AS date,
    CASE WHEN luck = 7 THEN 3 + 9 * CAST(thread_hash % {len(BOTS)} AS BIGINT)
         WHEN kind IN ('WatchEvent', 'ForkEvent') THEN
           {RANK.format(chance="whom", many="{people}")}
         ELSE member(n, {RANK.format(chance="whom", many="team_of(n)")}, {{people}}) END AS person,
    1 + CAST(floor(60 / sqrt(n + 3)) AS BIGINT) AS pace
  FROM drawn
"""
THREADED = """
  SELECT
    *,
    day * pace - CAST(thread_hash % least(day * pace + 1, pace * 20) AS BIGINT) AS thread
  FROM placed
"""
TOLD = """
  SELECT
    *,
    CASE kind
      WHEN 'IssuesEvent' THEN
        CASE WHEN luck < 45 THEN 'opened' WHEN luck < 90 THEN 'closed' ELSE 'reopened' END
      WHEN 'PullRequestEvent' THEN
        CASE WHEN luck < 45 THEN 'opened' WHEN luck < 90 THEN 'closed' WHEN luck < 95 THEN 'reopened'
             ELSE 'labeled' END
      WHEN 'IssueCommentEvent' THEN 'created'
      WHEN 'PullRequestReviewEvent' THEN 'created'
      WHEN 'PullRequestReviewCommentEvent' THEN 'created'
      WHEN 'WatchEvent' THEN 'started'
      WHEN 'ReleaseEvent' THEN 'published' END AS action_,
    kind IN ('IssuesEvent', 'IssueCommentEvent') AS has_issue,
    kind IN ('PullRequestEvent', 'PullRequestReviewEvent', 'PullRequestReviewCommentEvent') AS has_pull_request,
    3 * thread + CASE WHEN kind = 'IssuesEvent' THEN 1
                      WHEN kind = 'IssueCommentEvent' THEN luck % 2 ELSE 0 END AS number,
    to_timestamp(epoch(date) + second) AS moment,
    to_timestamp(epoch(DATE '{start}') + thread * 86400 // pace) AS opened_at,
    kind = 'PushEvent' AND date < DATE '2025-10-07' AS lists_commits,
    -- Once a push, since a list would ask for every commit.
    CASE WHEN lists_commits THEN login_of(person) END AS author,
    CASE WHEN lists_commits THEN pushed_address_of(person) END AS address,
    least(CAST(floor(pow(1 - whom, -1 / 1.2)) AS BIGINT), 60) AS size
  FROM threaded
"""
OPENER = "CASE WHEN action_ = 'opened' THEN person ELSE member(n, thread_hash % 5, {people}) END"
LISTED = """
  list_transform(range(least(size, 20)), k -> {{
    'sha': substr(sha256(n || '/' || i // 2 || '/' || k), 1, 40),
    'is_distinct': TRUE,
    'author_name': author,
    'author_email_sha256': address
  }})
"""
PLACES = {
    "id": "CAST(40000000000 + i * 5 AS VARCHAR)",
    "type": "kind",
    "created_at": "moment",
    "actor_id": "5000000 + person",
    "actor_login": "login_of(person)",
    "repo_id": "700000000 + n * 13",
    "repo_name": "repository_of(n, day >= {renamed})",
    "org_login": "owner_of(n)",
    "action": "action_",
    "ref": "CASE WHEN kind = 'PushEvent' THEN 'refs/heads/main' END",
    "push_size": "CASE WHEN lists_commits THEN size END",
    "push_distinct_size": "CASE WHEN lists_commits THEN size END",
    "commits": f"CASE WHEN lists_commits THEN {LISTED} END",
    "issue_id": "CASE WHEN has_issue THEN n * 1000000 + number END",
    "issue_number": "CASE WHEN has_issue THEN number END",
    "issue_created_at": "CASE WHEN has_issue THEN opened_at END",
    "issue_user_id": f"CASE WHEN has_issue THEN 5000000 + {OPENER} END",
    "issue_user_login": f"CASE WHEN has_issue THEN login_of({OPENER}) END",
    "issue_pull_request_url": "CASE WHEN has_issue AND number % 3 = 0 THEN 'https://github.com/' || n END",
    "pull_request_id": "CASE WHEN has_pull_request THEN n * 2000000 + number END",
    "pull_request_number": "CASE WHEN has_pull_request THEN number END",
    "pull_request_created_at": "CASE WHEN has_pull_request THEN opened_at END",
    "pull_request_merged_at": "CASE WHEN kind = 'PullRequestEvent' AND luck BETWEEN 45 AND 74 THEN moment END",
    "pull_request_is_merged": "CASE WHEN kind = 'PullRequestEvent' THEN luck BETWEEN 45 AND 74 END",
    "pull_request_user_id": f"CASE WHEN has_pull_request THEN 5000000 + {OPENER} END",
    "pull_request_user_login": f"CASE WHEN has_pull_request THEN login_of({OPENER}) END",
    "comment_id": "CASE WHEN kind IN ('IssueCommentEvent', 'PullRequestReviewCommentEvent') THEN i END",
    "review_state": "CASE WHEN kind = 'PullRequestReviewEvent' THEN 'approved' END",
    "release_tag": "CASE WHEN kind = 'ReleaseEvent' THEN 'v' || i END",
    "hour": "date_trunc('hour', moment)",
}
# As many repositories have a history as the first of each hundred; a fork keeps the half that it began with.
COMMITS = f"""
WITH drawn AS (
  SELECT
    i,
    i // {{per_day}} AS day,
    {RANK.format(chance=CHANCE.format("repository"), many="{histories}")} AS n,
    {CHANCE.format("person")} AS whom
  FROM range({{first}} * {{per_day}}, {{last}} * {{per_day}}) AS t(i)
), made AS (
  SELECT
    *,
    member(n, {RANK.format(chance="whom", many="team_of(n)")}, {{people}}) AS person,
    to_timestamp(epoch(DATE '{{start}}' + CAST(day AS INTEGER)) + hash(i, 'second') % 86400) AS moment,
    hash(i, 'merge') % 10 = 0 AS merges,
    -- Some write from a second address, which the repository's .mailmap joins to the first.
    hash(i, 'laptop') % 17 = 0 AS is_second
  FROM drawn
), kept AS (
  SELECT n, i, day, person, moment, merges, is_second FROM made
  UNION ALL
  SELECT n + 1, i, day, person, moment, merges, is_second FROM made
  WHERE n % 20 = 0 AND day < {{renamed}} AND n + 1 < {{histories}}
)
INSERT INTO raw.git_history__commits BY NAME
SELECT
  repository_of(n, TRUE) AS repo,
  substr(sha256('commit' || i), 1, 40) AS sha,
  CASE WHEN merges THEN 2 ELSE 1 END AS parents,
  login_of(person) AS author_name,
  CASE WHEN is_second THEN sha256(login_of(person) || '@laptop.example')
       ELSE address_of(person) END AS author_email_sha256,
  CASE WHEN is_second THEN sha256(sha1(login_of(person)) || '@laptop.example')
       ELSE pushed_address_of(person) END AS author_pushed_email_sha256,
  login_of(person) AS author_canon_name,
  address_of(person) AS author_canon_email_sha256,
  CASE WHEN is_given(person) AND NOT is_bot_number(person) AND NOT is_second
       THEN 5000000 + person END AS author_noreply_id,
  CASE WHEN is_given(person) AND NOT is_second THEN login_of(person) END AS author_noreply_login,
  moment AS author_time,
  moment AS committer_time,
  merges AS is_merge,
  CASE WHEN NOT merges THEN CAST(i % 200 AS BIGINT) END AS additions,
  CASE WHEN NOT merges THEN CAST(i % 70 AS BIGINT) END AS deletions,
  {{load}} AS _load_id,
  now() AS _extracted_at
FROM kept
"""
HOURS = """
INSERT INTO raw.gharchive__hours BY NAME
SELECT
  to_timestamp(epoch(DATE '{start}') + number * 3600) AS hour,
  strftime(to_timestamp(epoch(DATE '{start}') + number * 3600), '%Y-%m-%d-%-H.json.gz') AS file,
  1000 AS bytes,
  {load} AS _load_id,
  now() AS _extracted_at
FROM range({first} * 24, {last} * 24) AS t(number)
-- Two hours of each thousand are missing, as in the sample.
WHERE number % 1000 NOT IN (100, 501)
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much happens on how many days, ending where the sample ends."""

    events: int
    days: int
    projects: int = 7_000
    people: int = 80_000

    @property
    def numbers(self) -> dict[str, object]:
        """What the statements are filled with."""
        return {
            "start": (END - timedelta(days=self.days)).date(),
            "renamed": self.days // 2,
            "people": self.people,
            "repositories": self.projects * 3,
            "histories": self.projects * 3 // 20,
        }


def fill(
    connection: duckdb.DuckDBPyConnection, scale: Scale, first: int, last: int, load: int
) -> None:
    """Land the events and commits of days from ``first`` until before ``last``, as load number ``load``."""
    per_day = scale.events // scale.days
    span = {**scale.numbers, "first": first, "last": last, "load": load}
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(MACROS)
    connection.execute(_events().format(**span, per_day=per_day))
    connection.execute(HOURS.format(**span))
    connection.execute(COMMITS.format(**span, per_day=per_day // 2))
    for source, stream in (
        ("gharchive", "events"),
        ("gharchive", "hours"),
        ("git_history", "commits"),
    ):
        connection.execute(
            "INSERT INTO raw._loads VALUES (?, ?, ?, 0, ?)",
            [load, source, stream, datetime.now(UTC)],
        )


def _events() -> str:
    """Return the statement that makes events; one in 250 stands in two hours."""
    kinds = columns(EVENTS)
    listed = ", ".join(
        f'CAST({PLACES.get(name, "NULL")} AS {kind}) AS "{name}"' for name, kind in kinds.items()
    )
    return f"""
      INSERT INTO raw.gharchive__events BY NAME
      WITH drawn AS ({DRAWN}), placed AS ({PLACED}), threaded AS ({THREADED}), told AS ({TOLD}),
      rows AS (SELECT {listed}, i FROM told)
      SELECT * EXCLUDE (i), {{load}} AS _load_id, now() AS _extracted_at FROM rows
      UNION ALL
      SELECT * EXCLUDE (i) REPLACE (hour + INTERVAL 1 HOUR AS hour), {{load}}, now() FROM rows
      WHERE i % 250 = 3
    """
