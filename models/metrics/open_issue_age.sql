/*
  Age of open issues
  Median seconds since opening of the issues that are open at the end of the bucket; of the present one, at the end of
  the last whole day. Issues of which neither opening nor reopening was collected are not known to be open; a bucket
  of which no hour told which issues were closed in it has no row.
  By the nearest-rank method, so that it is one of the values.
*/
MODEL (
  name metrics.open_issue_age,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (cells = subject_key)
  ),
  tags ('unit:seconds', 'basis:threads'),
  grain (subject_key, bucket, sample_date),
  audits (
    metric_is_sound
  )
);

WITH spans AS (
  SELECT
    repository_source_id,
    thread_number,
    event_type,
    created_at AS started_at,
    LEAD(created_at) OVER (PARTITION BY repository_source_id, thread_number ORDER BY created_at, event_id) AS ended_at
  FROM intermediate.github_thread_events
  WHERE
    event_type IN ('ISSUE_OPENED', 'ISSUE_CLOSED', 'ISSUE_REOPENED')
), open_spans AS (
  SELECT
    threads.artifact_id,
    UNIX_MICROS(threads.opened_at) AS opened_micros,
    CAST(spans.started_at AS DATE) AS started_on,
    CAST(spans.ended_at AS DATE) AS ended_on
  FROM spans
  JOIN intermediate.threads AS threads
    ON threads.repository_source_id = spans.repository_source_id
    AND threads.thread_number = spans.thread_number
  WHERE
    spans.event_type <> 'ISSUE_CLOSED' AND threads.opened_at <= spans.started_at
), ends AS (
  SELECT
    calendar.bucket,
    calendar.sample_date,
    MAX(calendar.activity_date) AS last_date,
    UNIX_MICROS(
      CAST(CAST(DATE_ADD(MAX(calendar.activity_date), INTERVAL '1' DAY) AS DATE) AS TIMESTAMP)
    ) AS end_micros
  FROM intermediate.calendar AS calendar
  JOIN intermediate.coverage AS coverage
    ON coverage.basis = 'threads'
    AND coverage.bucket = calendar.bucket
    AND coverage.sample_date = calendar.sample_date
  WHERE
    calendar.bucket IN ('monthly', 'quarterly', 'yearly') AND coverage.coverage > 0
  GROUP BY
    calendar.bucket,
    calendar.sample_date
)
SELECT
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(ends.bucket AS STRING) AS bucket, /* monthly, quarterly or yearly. */
  CAST(ends.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  @decimal(@percentile(DIV((
    ends.end_micros - open_spans.opened_micros
  ), 1000000), 50)) AS amount /* Seconds. */
FROM open_spans
JOIN ends
  ON ends.last_date >= open_spans.started_on
  AND (
    open_spans.ended_on IS NULL OR open_spans.ended_on > ends.last_date
  )
JOIN intermediate.entities AS entities
  ON entities.artifact_id = open_spans.artifact_id
GROUP BY
  entities.subject_key,
  ends.bucket,
  ends.sample_date
