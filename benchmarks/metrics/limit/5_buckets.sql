-- Facts of a day made into those of longer buckets, each from the next shorter one.
CREATE TABLE counts AS
WITH daily AS (
  SELECT e, day, sum(COLUMNS(* EXCLUDE (e, a, day, is_active)))::INTEGER
  FROM counts_daily JOIN every_member USING (a)
  GROUP BY e, day
)
SELECT CAST('daily' AS bucket) AS bucket, CAST(day - DATE '1970-01-01' AS INTEGER) AS o, * EXCLUDE (day) FROM daily;
INSERT INTO counts
SELECT 'weekly', (o + 3) // 7, e, sum(COLUMNS(* EXCLUDE (bucket, o, e))) FROM counts WHERE bucket = 'daily' GROUP BY 1, 2, 3;
INSERT INTO counts
SELECT 'monthly', month_(DATE '1970-01-01' + o), e, sum(COLUMNS(* EXCLUDE (bucket, o, e))) FROM counts WHERE bucket = 'daily' GROUP BY 1, 2, 3;
INSERT INTO counts
SELECT 'quarterly', of_month(o), e, sum(COLUMNS(* EXCLUDE (bucket, o, e))) FROM counts WHERE bucket = 'monthly' GROUP BY 1, 2, 3;
INSERT INTO counts
SELECT 'yearly', (o - 1) // 4, e, sum(COLUMNS(* EXCLUDE (bucket, o, e))) FROM counts WHERE bucket = 'quarterly' GROUP BY 1, 2, 3;
INSERT INTO counts
SELECT 'all_time', 0, e, sum(COLUMNS(* EXCLUDE (bucket, o, e))) FROM counts WHERE bucket = 'yearly' GROUP BY 1, 2, 3;

CREATE TABLE active AS
SELECT bucket, o, e, count(*) AS n FROM (SELECT DISTINCT a, bucket, o FROM active_days JOIN dates USING (day)) JOIN every_member USING (a)
GROUP BY ALL;

-- People: n contributions, c of them commits, on d days.
CREATE TABLE weekly AS SELECT e, week(day) AS o, p, sum(n)::INTEGER AS n, sum(c)::INTEGER AS c FROM people_daily GROUP BY ALL;
CREATE TABLE monthly AS
SELECT e, month_(day) AS o, p, sum(n)::INTEGER AS n, sum(c)::INTEGER AS c, count(*) FILTER (c > 0)::INTEGER AS d FROM people_daily GROUP BY ALL;
CREATE TABLE quarterly AS SELECT e, of_month(o) AS o, p, sum(n)::INTEGER AS n, sum(c)::INTEGER AS c FROM monthly GROUP BY ALL;
CREATE TABLE yearly AS SELECT e, (o - 1) // 4 AS o, p, sum(n)::INTEGER AS n, sum(c)::INTEGER AS c FROM quarterly GROUP BY ALL;
CREATE TABLE all_time AS SELECT e, 0 AS o, p, sum(n)::INTEGER AS n, sum(c)::INTEGER AS c FROM yearly GROUP BY ALL;

CREATE TABLE bot_activity AS SELECT bucket, o, e, sum(n) AS n FROM bots_daily JOIN dates USING (day) GROUP BY ALL;

-- How many they are; a is how many of them made half of the contributions.
CREATE TABLE people AS
SELECT CAST('daily' AS bucket) AS bucket, CAST(day - DATE '1970-01-01' AS INTEGER) AS o, e, count(*) AS contributors, count(*) FILTER (c > 0) AS developers, sum(c)::BIGINT AS commits, sum(n)::BIGINT AS n, NULL::BIGINT AS full_time
FROM people_daily GROUP BY ALL
UNION ALL SELECT 'weekly', o, e, count(*), count(*) FILTER (c > 0), sum(c), sum(n), NULL FROM weekly GROUP BY ALL
UNION ALL SELECT 'monthly', o, e, count(*), count(*) FILTER (c > 0), sum(c), sum(n), count(*) FILTER (d >= 10) FROM monthly GROUP BY ALL
UNION ALL SELECT 'quarterly', o, e, count(*), count(*) FILTER (c > 0), sum(c), sum(n), NULL FROM quarterly GROUP BY ALL
UNION ALL SELECT 'yearly', o, e, count(*), count(*) FILTER (c > 0), sum(c), sum(n), NULL FROM yearly GROUP BY ALL
UNION ALL SELECT 'all_time', o, e, count(*), count(*) FILTER (c > 0), sum(c), sum(n), NULL FROM all_time GROUP BY ALL;

-- How many people made half of the contributions: those with equally many are counted together.
CREATE TABLE absence AS
WITH alike AS (
  SELECT CAST('monthly' AS bucket) AS bucket, o, e, n, count(*) AS k FROM monthly GROUP BY ALL
  UNION ALL SELECT 'quarterly', o, e, n, count(*) FROM quarterly GROUP BY ALL
  UNION ALL SELECT 'yearly', o, e, n, count(*) FROM yearly GROUP BY ALL
  UNION ALL SELECT 'all_time', o, e, n, count(*) FROM all_time GROUP BY ALL
), running AS (
  SELECT *, sum(n * k) OVER (PARTITION BY bucket, o, e ORDER BY n DESC) - n * k AS above, sum(n * k) OVER (PARTITION BY bucket, o, e) AS whole
  FROM alike
)
SELECT bucket, o, e, sum(least(k, greatest(0, (whole - 2 * above + 2 * n - 1) // (2 * n))))::BIGINT AS n
FROM running GROUP BY ALL;

-- Who came, stayed and came back.
CREATE TABLE monthly_lives AS
SELECT e, o, lag(o) OVER (PARTITION BY e, p ORDER BY o) AS previous, min(o) OVER (PARTITION BY e, p) AS first FROM monthly;
CREATE TABLE flow AS
WITH lives AS (
  SELECT CAST('weekly' AS bucket) AS bucket, e, o, lag(o) OVER (PARTITION BY e, p ORDER BY o) AS previous FROM weekly
  UNION ALL SELECT 'monthly', e, o, previous FROM monthly_lives
  UNION ALL SELECT 'quarterly', e, o, lag(o) OVER (PARTITION BY e, p ORDER BY o) FROM quarterly
  UNION ALL SELECT 'yearly', e, o, lag(o) OVER (PARTITION BY e, p ORDER BY o) FROM yearly
), told AS (
  SELECT
    bucket, e, o, count(*) AS active, count(*) FILTER (previous IS NULL) AS new, count(*) FILTER (previous = o - 1) AS stayed
  FROM lives GROUP BY ALL
), spaced AS (
  SELECT
    *, lag(o) OVER life AS previous, lag(active) OVER life AS previous_active, lead(o) OVER life AS next
  FROM told WINDOW life AS (PARTITION BY bucket, e ORDER BY o)
)
-- Silent buckets up to the next one have rows, the first of which shows who left.
SELECT
  bucket, e, o, active, new, stayed, active - new - stayed AS resurrected,
  CASE WHEN previous IS NULL THEN NULL WHEN previous = o - 1 THEN previous_active - stayed ELSE 0 END AS churned
FROM spaced
UNION ALL
SELECT spaced.bucket, e, buckets.o, 0, 0, 0, 0, if(buckets.o = spaced.o + 1, active, 0)
FROM spaced JOIN buckets
  ON buckets.bucket = spaced.bucket AND buckets.o > spaced.o AND buckets.o < coalesce(next, spaced.o + 2);

CREATE TABLE retention AS
WITH cohorts AS (
  SELECT e, first, count(*) FILTER (o = first) AS cohort, count(*) FILTER (o = first + 1) AS k1, count(*) FILTER (o = first + 3) AS k3,
    count(*) FILTER (o = first + 6) AS k6, count(*) FILTER (o = first + 12) AS k12
  FROM monthly_lives GROUP BY ALL
), steps AS (
  SELECT e, first, cohort, unnest([1, 3, 6, 12]) AS later, unnest([k1, k3, k6, k12]) AS retained FROM cohorts
)
SELECT e, first AS o, later, cohort, retained
FROM steps JOIN buckets ON bucket = 'monthly' AND buckets.o = first + later AND next_date <= today()::DATE;

CREATE TABLE bursts AS
WITH sums AS (
  SELECT
    e, bucket, o, sum(n * n)::HUGEINT AS squares, sum(n)::HUGEINT AS total
  FROM (SELECT e, DATE '1970-01-01' + o AS day, n FROM people WHERE bucket = 'daily')
  JOIN dates USING (day) WHERE bucket IN ('weekly', 'monthly', 'quarterly', 'yearly')
  GROUP BY ALL
)
SELECT e, bucket, o, day_count * squares - total * total AS spread, day_count * total AS total
FROM sums JOIN buckets USING (bucket, o);

-- What depends on what at the end of each month, and now.
CREATE TABLE current_versions AS
WITH sound AS (
  SELECT * FROM versions WHERE NOT is_yanked QUALIFY bool_and(is_prerelease) OVER (PARTITION BY package_id) = is_prerelease
), newest AS (
  SELECT package_id, version, license, repository_url, released_at, CAST(released_at AS DATE) AS since FROM sound
  QUALIFY row_number() OVER (PARTITION BY package_id, CAST(released_at AS DATE) ORDER BY released_at DESC, version DESC) = 1
)
SELECT *, lead(since) OVER (PARTITION BY package_id ORDER BY since IS NOT NULL, coalesce(since, DATE '1970-01-01')) AS until FROM newest;
CREATE TABLE dependencies AS
SELECT DISTINCT dependents.a AS dependent, needed.a AS dependency, TRUE AS is_direct, since, until
FROM current_versions JOIN needs USING (package_id, version)
JOIN artifacts AS dependents ON dependents.artifact_id = package_id JOIN artifacts AS needed ON needed.artifact_id = dependency_id
WHERE kind = 'runtime'
UNION ALL
SELECT DISTINCT dependents.a, needed.a, FALSE, NULL, NULL
FROM bills JOIN repositories ON repositories.name = repository_name
JOIN artifacts AS dependents ON dependents.artifact_id = repositories.artifact_id JOIN artifacts AS needed ON needed.artifact_id = package_id;
CREATE TABLE edges AS
SELECT DISTINCT buckets.o, dependent, dependency, is_direct FROM dependencies
JOIN buckets ON bucket = 'monthly' AND since <= last_day AND coalesce(until, DATE '9999-12-31') > last_day
UNION
SELECT 0, dependent, dependency, is_direct FROM dependencies WHERE until IS NULL;
CREATE TABLE reach AS
WITH RECURSIVE found AS (
  SELECT o, dependent, dependency FROM edges
  UNION
  SELECT o, found.dependent, edges.dependency FROM found JOIN edges USING (o) WHERE edges.dependent = found.dependency
)
SELECT found.*, EXISTS (FROM edges WHERE is_direct AND edges.o = found.o AND edges.dependent = found.dependent AND edges.dependency = found.dependency) AS is_direct
FROM found WHERE dependent <> dependency;
CREATE TABLE graph_buckets AS
SELECT bucket, o, if(bucket = 'all_time', 0, month_(last_day)) AS month FROM buckets WHERE bucket IN ('monthly', 'quarterly', 'yearly', 'all_time');
CREATE TABLE graphs AS
WITH needing AS (
  SELECT e, reach.o AS month, count(DISTINCT dependency) FILTER (is_direct) AS direct, count(DISTINCT dependency) AS whole
  FROM reach JOIN every_member ON a = dependent GROUP BY ALL
), needed AS (
  SELECT e, reach.o AS month, count(DISTINCT dependent) FILTER (is_direct) AS direct, count(DISTINCT dependent) AS whole
  FROM reach JOIN every_member ON a = dependency GROUP BY ALL
)
SELECT 'dependencies' AS metric, e, bucket, o, direct AS n FROM needing JOIN graph_buckets USING (month) WHERE direct > 0
UNION ALL SELECT 'transitive_dependencies', e, bucket, o, whole FROM needing JOIN graph_buckets USING (month)
UNION ALL SELECT 'dependents', e, bucket, o, direct FROM needed JOIN graph_buckets USING (month) WHERE direct > 0
UNION ALL SELECT 'transitive_dependents', e, bucket, o, whole FROM needed JOIN graph_buckets USING (month);
