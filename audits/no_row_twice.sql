AUDIT (
  name no_row_twice
);

/*
  What unique_combination_of_columns says, for large tables whose columns are long texts: half the work.
  Rows are told apart by a fingerprint of 64 bits first. Those few that share one are then compared
  by the columns themselves, so that a fingerprint that two share by chance is no fault.
*/
SELECT
  @EACH(@columns, c -> c)
FROM @this_model
WHERE
  @fingerprint(@columns) IN (
    SELECT
      @fingerprint(@columns)
    FROM @this_model
    GROUP BY
      @fingerprint(@columns)
    HAVING
      COUNT(*) > 1
  )
GROUP BY
  @EACH(@columns, c -> c)
HAVING
  COUNT(*) > 1
