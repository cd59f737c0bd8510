"""Functions of other dialects that authors write by habit, and what BigQuery calls them.

Google's SQL refuses these by itself; what it does not say is what to write.
"""

from __future__ import annotations

REPLACEMENTS = {
    "ARG_MAX": "`ANY_VALUE(x HAVING MAX y)`",
    "BOOL_AND": "`LOGICAL_AND(x)`",
    "BOOL_OR": "`LOGICAL_OR(x)`",
    "DATEDIFF": "`DATE_DIFF(later, earlier, DAY)`",
    "DATE_PART": "`EXTRACT(YEAR FROM x)`",
    "EPOCH_MS": "`CAST(TIMESTAMP_MILLIS(x) AS TIMESTAMP)` or `UNIX_MILLIS(x)`",
    "JSON_EXTRACT_STRING": "`JSON_VALUE(j, '$.a')`",
    "LEN": "`LENGTH(s)`",
    "LIST": "`ARRAY_AGG(x ORDER BY x)`",
    "MEDIAN": "`PERCENTILE_CONT(x, 0.5) OVER (…)`",
    "NOW": "`@execution_ts`, or `CURRENT_TIMESTAMP()`",
    "QUANTILE_DISC": "`PERCENTILE_DISC(x, 0.5) OVER (…)`",
    "REGEXP_MATCHES": "`REGEXP_CONTAINS(s, r'…')`",
    "STRFTIME": "`FORMAT_DATE('%F', d)` or `FORMAT_TIMESTAMP('%F %T', x)`",
    "STRING_SPLIT": "`SPLIT(s, ',')`",
    "STRPTIME": "`PARSE_DATE('%d/%m/%Y', s)`",
    "TO_TIMESTAMP": "`TIMESTAMP_SECONDS(x)`",
}
