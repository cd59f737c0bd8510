/*
  One row is a project with the numbers that people embed, taken from the time series.
  Developers and contributors are two numbers: contributors need not have committed.
  A project without any activity has zeros.
*/
MODEL (
  name marts.projects_summary_v1,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = project_id)
  ),
  grain project_id,
  references project_id,
  audits (
    not_null(
      columns := (project_id, project_name, display_name, developer_count, contributor_count)
    ),
    unique_values(columns := (
      project_id
    )),
    forall(
      criteria := (developer_count <= contributor_count, first_commit_date <= last_activity_date)
    )
  )
);

WITH values_by_project AS (
  SELECT
    series.project_id,
    metrics.metric_name,
    series.sample_date,
    series.amount,
    series.is_complete
  FROM marts.timeseries_metrics_by_project_v1 AS series
  JOIN marts.metrics_v1 AS metrics
    ON metrics.metric_id = series.metric_id
), months AS (
  SELECT
    MAX(sample_date) AS last_month_date
  FROM intermediate.coverage
  WHERE
    basis = 'events' AND bucket = 'monthly' AND is_complete
), numbers AS (
  SELECT
    project_id,
    MIN(IF(metric_name = 'GITHUB_commits_daily', sample_date, NULL)) AS first_commit_date,
    MAX(
      IF(
        STARTS_WITH(metric_name, 'GITHUB_') AND ENDS_WITH(metric_name, '_daily'),
        sample_date,
        NULL
      )
    ) AS last_activity_date,
    SUM(IF(metric_name = 'GITHUB_commits_all_time', amount, 0)) AS commit_count,
    SUM(IF(metric_name = 'GITHUB_developers_all_time', amount, 0)) AS developer_count,
    SUM(IF(metric_name = 'GITHUB_contributors_all_time', amount, 0)) AS contributor_count,
    SUM(
      IF(
        metric_name = 'GITHUB_full_time_developers_monthly'
        AND sample_date = last_month_date,
        amount,
        0
      )
    ) AS full_time_developer_count,
    SUM(IF(metric_name = 'GITHUB_stars_all_time', amount, 0)) AS star_count,
    SUM(IF(metric_name = 'GITHUB_forks_all_time', amount, 0)) AS fork_count,
    SUM(IF(metric_name = 'GITHUB_releases_all_time', amount, 0)) AS release_count
  FROM values_by_project
  CROSS JOIN months
  GROUP BY
    project_id
)
SELECT
  CAST(projects.project_id AS STRING) AS project_id, /* The project. */
  CAST(projects.project_name AS STRING) AS project_name, /* Its name in the directory. */
  CAST(projects.display_name AS STRING) AS display_name, /* The name that people read. */
  CAST(numbers.first_commit_date AS DATE) AS first_commit_date, /* The day of the first commit that is no merge and by no bot; NULL where none is known. */
  CAST(numbers.last_activity_date AS DATE) AS last_activity_date, /* The last day with any counted event on GitHub; NULL where there was none. */
  CAST(DATE_DIFF(numbers.last_activity_date, numbers.first_commit_date, DAY) AS INT64) AS active_life_days, /* Days from the first commit to the last activity. */
  CAST(COALESCE(numbers.commit_count, 0) AS INT64) AS commit_count, /* Distinct commits, without merges and bots. */
  CAST(COALESCE(numbers.developer_count, 0) AS INT64) AS developer_count, /* People who ever committed. */
  CAST(COALESCE(numbers.contributor_count, 0) AS INT64) AS contributor_count, /* People who ever committed, opened an issue or pull request, merged or reviewed one. */
  CAST(COALESCE(numbers.full_time_developer_count, 0) AS INT64) AS full_time_developer_count, /* People with commits on 10 or more days of the last whole month. */
  CAST(COALESCE(numbers.star_count, 0) AS INT64) AS star_count, /* Stars given in the hours collected. */
  CAST(COALESCE(numbers.fork_count, 0) AS INT64) AS fork_count, /* Forks made in the hours collected. */
  CAST(COALESCE(numbers.release_count, 0) AS INT64) AS release_count /* Releases published in the hours collected. */
FROM marts.projects_v1 AS projects
/* A project without activity has no series. */
LEFT JOIN numbers
  ON numbers.project_id = projects.project_id
