/* One row is how long the threads of an entity took in a bucket to get somewhere. */
MODEL (
  name intermediate.thread_percentiles,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (
      cells = subject_key,
      through = (intermediate.thread_durations, intermediate.entities)
    )
  ),
  grain (duration, subject_key, bucket, sample_date),
  audits (
    not_null(
      columns := (duration, subject_key, bucket, sample_date, thread_count, unended_count)
    ),
    unique_combination_of_columns(columns := (duration, subject_key, bucket, sample_date)),
    forall(
      criteria := (
        median_seconds IS NULL OR median_seconds <= p90_seconds,
        unended_count <= thread_count,
        median_seconds IS NULL = (
          unended_count = thread_count
        )
      )
    )
  )
);

SELECT
  CAST(durations.duration AS STRING) AS duration, /* first_response, merge or close. */
  CAST(entities.subject_key AS INT64) AS subject_key, /* What is measured. */
  CAST(calendar.bucket AS STRING) AS bucket, /* daily, weekly, monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(@percentile(durations.seconds, 50) AS INT64) AS median_seconds, /* The median, by the nearest-rank method; NULL where none has ended. */
  CAST(@percentile(durations.seconds, 90) AS INT64) AS p90_seconds, /* The 90th percentile, likewise. */
  CAST(COUNT(*) AS INT64) AS thread_count, /* How many threads. */
  CAST(COUNT(*) - COUNT(durations.seconds) AS INT64) AS unended_count /* How many of them have not got there. */
FROM intermediate.thread_durations AS durations
JOIN intermediate.entities AS entities
  ON entities.artifact_id = durations.artifact_id
JOIN intermediate.calendar AS calendar
  ON calendar.activity_date = durations.activity_date
GROUP BY
  durations.duration,
  entities.subject_key,
  calendar.bucket,
  calendar.sample_date
