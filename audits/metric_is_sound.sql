AUDIT (
  name metric_is_sound
);

/* What is true of single rows is asked apart: of most blocks the engine knows it without reading them. */
SELECT
  subject_key,
  bucket,
  sample_date
FROM @this_model
WHERE
  amount < 0 OR subject_key IS NULL OR bucket IS NULL OR sample_date IS NULL
UNION ALL
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
