"""What a release asks of tables that lie in BigQuery, as BigQuery's SQL.

Queries come in DuckDB's SQL, as those of every table do, and are said again in BigQuery's.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot

from oso_processors import checksum
from oso_processors.days import Span, on
from oso_processors.tables import Column, Table

# BigQuery's CHR(0) is an empty text.
NUL = "CODE_POINTS_TO_STRING([0])"
HAS_NUL = {
    "text": f"STRPOS({{c}}, {NUL}) > 0",
    "texts": f"EXISTS (SELECT 1 FROM UNNEST({{c}}) AS x WHERE STRPOS(x, {NUL}) > 0)",
}
WITHOUT_NUL = {
    "text": f"REPLACE({{c}}, {NUL}, '')",
    "texts": f"ARRAY(SELECT REPLACE(x, {NUL}, '') FROM UNNEST({{c}}) AS x WITH OFFSET AS n ORDER BY n)",
}
BYTES = {
    "text": "IFNULL(BYTE_LENGTH({c}), 0)",
    "texts": "IFNULL((SELECT SUM(BYTE_LENGTH(x)) FROM UNNEST({c}) AS x), 0)",
}


def said(query: str) -> str:
    """Return a query in BigQuery's SQL."""
    [found] = sqlglot.transpile(query, read="duckdb", write="bigquery")
    return str(found)


def rows(table: Table, query: str) -> str:
    """Return the query of the columns of ``table``, its texts without NUL characters."""
    listed = ", ".join(
        _without_nul(kind, each) if (kind := _kind(each, table)) in BYTES else f"`{each.name}`"
        for each in table.columns
    )
    return f"SELECT {listed} FROM ({said(query)})"


def days(table: Table, column: str | None, chosen: Sequence[Span]) -> str:
    """Return the query of the days of ``table``, all or those ``chosen``, as `Elsewhere.days` has them."""
    query = on(table.query, column, chosen) if column and chosen else table.query
    texts = [(kind, each) for each in table.columns if (kind := _kind(each, table)) in BYTES]
    nuls = " + ".join(f"IF({HAS_NUL[kind].format(c=f'`{e.name}`')}, 1, 0)" for kind, e in texts)
    sizes = " + ".join(BYTES[kind].format(c=f"`{e.name}`") for kind, e in texts)
    without = ", ".join(_without_nul(kind, each) for kind, each in texts)
    shown = f"* REPLACE ({without})" if without else "*"
    source = f"(SELECT {shown}, {nuls or 0} AS nul_count FROM ({said(query)}))"
    beside = {
        "day": f"`{column}`" if column else "CAST(NULL AS DATE)",
        "byte_count": sizes or "0",
        "nul_count": "nul_count",
    }
    return (
        f"SELECT day, {checksum.BIGQUERY_SUMS}, SUM(byte_count), SUM(nul_count)"
        f" FROM ({checksum.bigquery_hashed(table, source, beside)}) GROUP BY day"
    )


def is_unique(source: str, grain: Sequence[str]) -> str:
    """Return the query that says whether no two rows of ``source``, which is said in BigQuery's SQL, have
    one grain, and none has a NULL in it."""
    keys = ", ".join(f"`{each}`" for each in grain)
    nulls = " OR ".join(f"`{each}` IS NULL" for each in grain)
    return (
        f"SELECT NOT EXISTS (SELECT 1 FROM {source} GROUP BY {keys} HAVING COUNT(*) > 1)"
        f" AND NOT EXISTS (SELECT 1 FROM {source} WHERE {nulls}) AS is_unique"
    )


def _without_nul(kind: str, column: Column) -> str:
    return f"{WITHOUT_NUL[kind].format(c=f'`{column.name}`')} AS `{column.name}`"


def _kind(column: Column, table: Table) -> str:
    return checksum.kind(column, table.name)
