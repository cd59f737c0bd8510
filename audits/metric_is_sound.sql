AUDIT (
  name metric_is_sound
);

SELECT
  entity_type,
  entity_id,
  artifact_source,
  bucket,
  sample_date
FROM @this_model
GROUP BY
  entity_type,
  entity_id,
  artifact_source,
  bucket,
  sample_date
HAVING
  COUNT(*) > 1
  OR MIN(amount) < 0
  OR entity_type IS NULL
  OR entity_id IS NULL
  OR artifact_source IS NULL
  OR bucket IS NULL
  OR sample_date IS NULL
