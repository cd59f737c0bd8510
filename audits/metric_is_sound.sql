AUDIT (
  name metric_is_sound
);

SELECT
  subject_key,
  bucket,
  sample_date
FROM @this_model
GROUP BY
  subject_key,
  bucket,
  sample_date
HAVING
  COUNT(*) > 1
  OR MIN(amount) < 0
  OR subject_key IS NULL
  OR bucket IS NULL
  OR sample_date IS NULL
