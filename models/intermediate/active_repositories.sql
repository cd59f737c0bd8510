/* One row is a repository in which somebody worked in a bucket: a commit, push, issue or pull request event, by people or bots. */
MODEL (
  name intermediate.active_repositories,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = artifact_key, through = intermediate.subjects)
  ),
  grain (artifact_key, bucket, sample_date),
  audits (
    not_null(columns := (artifact_key, bucket, sample_date)),
    unique_combination_of_columns(columns := (artifact_key, bucket, sample_date))
  )
);

SELECT DISTINCT
  CAST(subjects.artifact_key AS INT64) AS artifact_key, /* The repository's number. */
  CAST(activity.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(activity.sample_date AS DATE) AS sample_date /* The bucket's first day. */
FROM intermediate.activity AS activity
JOIN intermediate.subjects AS subjects
  ON subjects.subject_key = activity.subject_key
WHERE
  NOT subjects.artifact_key IS NULL
  AND activity.event_type IN (
    'COMMIT_CODE',
    'PUSH',
    'ISSUE_OPENED',
    'ISSUE_CLOSED',
    'ISSUE_REOPENED',
    'PULL_REQUEST_OPENED',
    'PULL_REQUEST_CLOSED',
    'PULL_REQUEST_REOPENED',
    'PULL_REQUEST_MERGED'
  )
