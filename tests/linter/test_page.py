"""The page about both engines is what the house list says, and what it calls safe is."""

from __future__ import annotations

from pathlib import Path

import pytest

from linter.foreign import REPLACEMENTS
from linter.idioms import IDIOMS
from linter.page import PAGE, renewed
from linter.search import find
from oso_processors.errors import QueryRefused

WRITTEN = Path(__file__).parents[2] / PAGE
ROWS = """(
  SELECT 3 AS n, 'b' AS s, DATE '2024-12-30' AS d, TIMESTAMP '2024-12-30 23:59:59+00' AS m,
    [1, 2] AS a, '{"a": "x", "b": [7]}' AS j UNION ALL
  SELECT 1, 'a', DATE '2024-02-29', TIMESTAMP '2024-02-29 00:00:00+00', [3], '{"a": 1}' UNION ALL
  SELECT NULL, NULL, NULL, NULL, NULL, NULL
) AS t"""
SAFE_OF_ROWS = (
    "CAST(SUM(t.n) AS INT64)",
    "COUNT(IF(t.n > 1, 1, NULL))",
    "COUNT(DISTINCT t.n)",
    "AVG(t.n)",
    "LOGICAL_OR(t.n > 2)",
    "STRING_AGG(t.s, ',' ORDER BY t.s)",
    "ANY_VALUE(t.s HAVING MAX t.n)",
    "MAX(CAST(DATE_TRUNC(t.d, WEEK(MONDAY)) AS DATE))",
    "MAX(LAST_DAY(t.d))",
    "MAX(FORMAT_DATE('%G-W%V', t.d))",
    "MAX(EXTRACT(ISOYEAR FROM t.d))",
    "MAX(DATE_DIFF(t.d, DATE '2024-01-07', WEEK))",
    "MAX(DATE_DIFF(t.d, DATE '2024-01-31', MONTH))",
    "MAX(CAST(DATE_ADD(t.d, INTERVAL 1 YEAR) AS DATE))",
    "MAX(TIMESTAMP_TRUNC(t.m, HOUR))",
    "MAX(TIMESTAMP_ADD(t.m, INTERVAL 1 SECOND))",
    "MAX(CAST(t.m AS DATE))",
    "MAX(TO_HEX(SHA256(CONCAT(t.s, CHR(31)))))",
    "MAX(CAST(JSON_VALUE(t.j, '$.a') AS STRING))",
    "MAX(t.a[SAFE_OFFSET(1)])",
    "MAX(GREATEST(t.n, 2))",
    "MAX(SAFE_DIVIDE(t.n, 2))",
    "MAX(LPAD(t.s, 3, '0'))",
    "MAX(REGEXP_REPLACE(t.s, '^(.)', '<\\\\1>'))",
    "MAX(IF(t.n > 1, 'many', 'few'))",
)
SAFE_QUERIES = (
    f"SELECT ARRAY_AGG(x ORDER BY x) AS v FROM {ROWS}, UNNEST(t.a) AS x",
    f"SELECT t.s AS v FROM {ROWS} WHERE TRUE QUALIFY ROW_NUMBER() OVER (ORDER BY t.n) = 1",
    f"SELECT t.s AS v FROM {ROWS} WHERE TRUE QUALIFY ROW_NUMBER() OVER (ORDER BY t.n DESC) = 1",
    "SELECT ARRAY_LENGTH(GENERATE_DATE_ARRAY(DATE '2024-02-28', DATE '2024-03-01')) AS v",
    "SELECT SPLIT('a/b', '/')[SAFE_OFFSET(1)] AS v",
    "SELECT PARSE_JSON('{\"a\": 1}').a AS v",
)
SAFE = [f"SELECT {each} AS v FROM {ROWS}" for each in SAFE_OF_ROWS] + list(SAFE_QUERIES)


def test_the_page_is_up_to_date():
    written = WRITTEN.read_text("utf-8")

    assert written == renewed(written), "stale; run `python -m linter.page`"


def test_every_idiom_is_on_the_page():
    written = WRITTEN.read_text("utf-8")

    assert [each.name for each in IDIOMS if f"| `{each.name.lower()}` |" not in written] == []


@pytest.mark.parametrize("query", SAFE, ids=[*SAFE_OF_ROWS, *SAFE_QUERIES])
def test_what_the_page_calls_safe_gives_the_same_on_both_engines(
    query, model_of, on_duckdb, on_googlesql
):
    assert find(model_of(query)) == []
    assert on_duckdb(query) == on_googlesql(query)


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_a_function_of_another_dialect_is_none_of_googlesql(name, on_googlesql):
    with pytest.raises(QueryRefused, match=f"not found: {name}"):
        on_googlesql(f"SELECT {name}(1) AS v")
