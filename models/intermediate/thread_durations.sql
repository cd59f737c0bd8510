/*
  One row is how long a thread took to get somewhere: to its first answer, to be merged, or to be closed.
  An answer belongs to the day of the opening, which must have been collected; the others to the day on which
  they happened. An issue that was closed twice took its time twice.
*/
MODEL (
  name intermediate.thread_durations,
  kind CUSTOM (
    materialization 'differences',
    materialization_properties (tells = activity_date)
  ),
  grain (duration, artifact_id, repository_source_id, thread_number, ended_at),
  audits (
    not_null(columns := (duration, artifact_id, activity_date)),
    forall(
      criteria := (
        seconds IS NULL OR seconds >= 0,
        NOT seconds IS NULL OR duration = 'first_response'
      )
    )
  )
);

WITH durations AS (
  SELECT
    'first_response' AS duration,
    artifact_id,
    repository_source_id,
    thread_number,
    opened_at AS counted_at,
    opened_at,
    answered_at AS ended_at
  FROM intermediate.threads
  WHERE
    is_opening_collected
  UNION ALL
  SELECT
    'merge' AS duration,
    artifact_id,
    repository_source_id,
    thread_number,
    merged_at AS counted_at,
    opened_at,
    merged_at AS ended_at
  FROM intermediate.threads
  WHERE
    merged_at >= opened_at
  UNION ALL
  SELECT DISTINCT
    'close' AS duration,
    threads.artifact_id,
    threads.repository_source_id,
    threads.thread_number,
    events.created_at AS counted_at,
    threads.opened_at,
    events.created_at AS ended_at
  FROM intermediate.threads AS threads
  JOIN intermediate.github_thread_events AS events
    ON events.repository_source_id = threads.repository_source_id
    AND events.thread_number = threads.thread_number
  WHERE
    events.event_type = 'ISSUE_CLOSED' AND events.created_at >= threads.opened_at
)
SELECT
  CAST(duration AS STRING) AS duration, /* first_response, merge or close. */
  CAST(artifact_id AS STRING) AS artifact_id, /* The repository. */
  CAST(repository_source_id AS INT64) AS repository_source_id, /* The repository's numeric id at GitHub. */
  CAST(thread_number AS INT64) AS thread_number, /* The number of the issue or pull request. */
  CAST(counted_at AS DATE) AS activity_date, /* The day that it belongs to, in UTC. */
  CAST(ended_at AS TIMESTAMP) AS ended_at, /* When it ended; NULL where it has not. */
  CAST(DIV((
    UNIX_MICROS(ended_at) - UNIX_MICROS(opened_at)
  ), 1000000) AS INT64) AS seconds /* How long it took, in whole seconds; NULL where it has not ended. */
FROM durations
