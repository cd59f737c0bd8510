/* One row is a bucket with the day on which the graph of dependencies is looked at for it. */
MODEL (
  name intermediate.dependency_dates,
  kind VIEW,
  grain (bucket, sample_date),
  audits (
    not_null(columns := (bucket, sample_date, graph_date)),
    unique_combination_of_columns(columns := (bucket, sample_date))
  )
);

SELECT
  CAST(calendar.bucket AS STRING) AS bucket, /* monthly, quarterly, yearly or all_time. */
  CAST(calendar.sample_date AS DATE) AS sample_date, /* The bucket's first day. */
  CAST(IF(
    calendar.bucket = 'all_time',
    CAST('9999-12-31' AS DATE),
    MAX(calendar.activity_date)
  ) AS DATE) AS graph_date /* The bucket's last day so far; 9999-12-31, which is now, for all time. */
FROM intermediate.calendar AS calendar
WHERE
  calendar.bucket IN ('monthly', 'quarterly', 'yearly', 'all_time')
GROUP BY
  calendar.bucket,
  calendar.sample_date
