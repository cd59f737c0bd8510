AUDIT (
  name only_changes_are_negative
);

SELECT
  series.metric_id,
  series.sample_date,
  series.amount
FROM @this_model AS series
JOIN marts.metrics_v1 AS metrics
  ON metrics.metric_id = series.metric_id
WHERE
  series.amount < 0
  AND NOT REGEXP_CONTAINS(metrics.metric_name, '^[A-Z0-9_]+_change_in_')
