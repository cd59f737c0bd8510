AUDIT (
  name only_changes_are_negative
);

SELECT
  metric_id,
  sample_date,
  amount
FROM @this_model
WHERE
  amount < 0
  AND NOT metric_id IN (
    SELECT
      series.metric_id
    FROM intermediate.series AS series
    WHERE
      STARTS_WITH(series.metric, 'change_in_')
  )
