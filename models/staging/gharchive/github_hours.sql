/*
  One row is an hour of GH Archive that was collected; coverage is counted from these.
  An hour may be collected in a form that leaves out what some metrics count.
*/
MODEL (
  name staging.github_hours,
  kind VIEW,
  grain collected_hour,
  audits (
    not_null(columns := (collected_hour, form, has_commits, has_merges, has_threads)),
    unique_values(columns := (
      collected_hour
    ))
  )
);

SELECT
  CAST(hour AS TIMESTAMP) AS collected_hour, /* The hour's beginning. */
  CAST(SUM(bytes) AS INT64) AS byte_count, /* The size of what was read for it. */
  CAST(MIN(COALESCE(form, 'events')) AS STRING) AS form, /* events, minimized or timeline; the fullest, which is the first by the alphabet, where it was collected in two. */
  CAST(LOGICAL_OR(COALESCE(has_commits, hour < CAST('2025-10-07 00:00:00+00' AS TIMESTAMP))) AS BOOL) AS has_commits, /* Whether its pushes list commits. */
  CAST(LOGICAL_OR(COALESCE(has_merges, TRUE)) AS BOOL) AS has_merges, /* Whether it tells which pull requests were closed by merging them. */
  CAST(LOGICAL_OR(COALESCE(has_threads, TRUE)) AS BOOL) AS has_threads /* Whether it tells which issue or pull request an event is about. */
FROM raw.gharchive__hours
GROUP BY
  hour
