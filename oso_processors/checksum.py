"""One number for the rows of a table, in any order, the same in every engine.

Each row becomes a text: its columns one after the other, each as its length in bytes, a colon and the
value, or N for NULL. The MD5 of that text gives two numbers of 60 bits; their sums over all rows, with
the count, are the checksum. Sums do not depend on order, and a row that stands twice counts twice.
Floats are refused: no two engines write them alike.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from oso_processors.errors import UnmappableType
from oso_processors.tables import Column, Table

DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
# What DuckDB keeps in 64 bits; of more places than these it writes wrong digits for Postgres, and a
# text without the nought before the point.
NARROW_DIGITS, NARROW_PLACES = 18, 16
WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})


def kind(column: Column, table: str) -> str:
    """Return what a column holds: text, whole, decimal, boolean, date, moment or texts.

    Raise `UnmappableType` for a type that cannot be published.
    """
    if column.type in WHOLE:
        return "whole"
    if DECIMAL.fullmatch(column.type):
        return "decimal"
    kinds = {
        "VARCHAR": "text",
        "BOOLEAN": "boolean",
        "DATE": "date",
        "TIMESTAMP WITH TIME ZONE": "moment",
        "VARCHAR[]": "texts",
    }
    try:
        return kinds[column.type]
    except KeyError:
        raise UnmappableType(table, column.name, column.type) from None


def narrow_places(type_name: str) -> int | None:
    """Return the places of a wide decimal whose small values fit into `NARROW_DIGITS`; None of others."""
    found = DECIMAL.fullmatch(type_name)
    if found is None or int(found[1]) <= NARROW_DIGITS or int(found[2]) > NARROW_PLACES:
        return None
    return int(found[2])


DUCKDB: Mapping[str, str] = {
    "text": "{c}",
    "whole": "CAST({c} AS VARCHAR)",
    "decimal": "CAST({c} AS VARCHAR)",
    "boolean": "CASE {c} WHEN true THEN 't' WHEN false THEN 'f' END",
    "date": "strftime({c}, '%Y-%m-%d')",
    "moment": "CAST(epoch_us({c}) AS VARCHAR)",
    "texts": "array_to_string(list_transform({c}, lambda x: coalesce(strlen(x) || ':' || x, 'N')), '')",
}
# (rows, first sum, second sum) of the hashes of rows.
DUCKDB_SUMS = ", ".join(
    ["count(*)", *(f"sum(('0x' || substr(hash, {start}, 15))::BIGINT)" for start in (1, 16))]
)
POSTGRES: Mapping[str, str] = {
    "text": "{c}",
    "whole": "{c}::text",
    "decimal": "{c}::text",
    "boolean": "CASE {c} WHEN true THEN 't' WHEN false THEN 'f' END",
    "date": "to_char({c}, 'YYYY-MM-DD')",
    "moment": "(extract(epoch FROM {c}) * 1000000)::bigint::text",
    "texts": "CASE WHEN {c} IS NOT NULL THEN (SELECT coalesce(string_agg("
    "coalesce(octet_length(x) || ':' || x, 'N'), '' ORDER BY n), '')"
    " FROM unnest({c}) WITH ORDINALITY AS listed(x, n)) END",
}
BIGQUERY: Mapping[str, str] = {
    "text": "{c}",
    "whole": "CAST({c} AS STRING)",
    "decimal": "CAST({c} AS STRING)",
    "boolean": "CASE {c} WHEN TRUE THEN 't' WHEN FALSE THEN 'f' END",
    "date": "CAST({c} AS STRING)",
    "moment": "CAST(UNIX_MICROS({c}) AS STRING)",
    "texts": "IF({c} IS NULL, NULL, COALESCE((SELECT STRING_AGG(COALESCE(CONCAT("
    "CAST(BYTE_LENGTH(x) AS STRING), ':', x), 'N'), '' ORDER BY n)"
    " FROM UNNEST({c}) AS x WITH OFFSET AS n), ''))",
}


def duckdb_sql(table: Table, source: str) -> str:
    """Return the query of (rows, first sum, second sum) over ``source`` in DuckDB."""
    return f"SELECT {DUCKDB_SUMS} FROM (SELECT {duckdb_hash(table)} AS hash FROM {source})"


def duckdb_hash(table: Table) -> str:
    """Return the hash of a row, of which `DUCKDB_SUMS` makes the checksum, in DuckDB's SQL."""
    return f"md5({_row([_duckdb_form(each, table.name) for each in table.columns], 'strlen')})"


def postgres_sql(table: Table, source: str) -> str:
    """Return the query of (rows, first sum, second sum) over ``source`` in Postgres."""
    forms = [POSTGRES[kind(e, table.name)].format(c=f'"{e.name}"') for e in table.columns]
    row = _row(forms, "octet_length")
    lanes = [f"sum(('x' || substr(hash, {start}, 15))::bit(60)::bigint)" for start in (1, 16)]
    return (
        f"SELECT count(*), {', '.join(lanes)}"
        f" FROM (SELECT md5({row}) AS hash FROM {source} AS found) AS hashed"
    )


# A few numbers of 60 bits are more than an INT64 holds.
BIGQUERY_SUMS = ", ".join(
    [
        "COUNT(*)",
        *(
            f"SUM(CAST(CAST(CONCAT('0x', SUBSTR(digest, {start}, 15)) AS INT64) AS NUMERIC))"
            for start in (1, 16)
        ),
    ]
)


def bigquery_sql(table: Table, source: str) -> str:
    """Return the query of (rows, first sum, second sum) over ``source`` in BigQuery."""
    return f"SELECT {BIGQUERY_SUMS} FROM ({bigquery_hashed(table, source, {})})"


def bigquery_hashed(table: Table, source: str, beside: Mapping[str, str]) -> str:
    """Return the query of the hash of each row of ``source`` in BigQuery, of which `BIGQUERY_SUMS` makes
    the checksum, and of what is wanted ``beside`` it, by name."""
    forms = [_bigquery_form(each, table.name) for each in table.columns]
    named = [f"{form} AS v{place}" for place, form in enumerate(forms)]
    named += [f"{each} AS {name}" for name, each in beside.items()]
    row = ", ".join(
        f"COALESCE(CONCAT(CAST(BYTE_LENGTH(v{place}) AS STRING), ':', v{place}), 'N')"
        for place in range(len(forms))
    )
    listed = ", ".join([f"TO_HEX(MD5(CONCAT({row}))) AS digest", *beside])
    return f"SELECT {listed} FROM (SELECT {', '.join(named)} FROM {source})"


def _bigquery_form(column: Column, table: str) -> str:
    form = BIGQUERY[kind(column, table)].format(c=f"`{column.name}`")
    found = DECIMAL.fullmatch(column.type)
    if found is None or int(found[2]) == 0:
        return form
    # As many digits as the type has: BigQuery leaves out zeros at the end, and the point with them.
    point = f"IF(STRPOS({form}, '.') = 0, CONCAT({form}, '.'), RTRIM({form}, '0'))"
    missing = f"{found[2]} - LENGTH({point}) + STRPOS({point}, '.')"
    return f"CONCAT({point}, REPEAT('0', GREATEST(0, {missing})))"


def text(row: Sequence[Any] | None) -> str:
    """Return the checksum of what one of the queries gave."""
    count, first, second = row or (0, 0, 0)
    return f"{int(count)}:{int(first or 0):x}:{int(second or 0):x}"


def added(checksums: Iterable[str]) -> str:
    """Return the checksum of all the rows that ``checksums`` are of."""
    parts = [
        [int(part, 16 if place else 10) for place, part in enumerate(each.split(":"))]
        for each in checksums
    ]
    return text([sum(each) for each in zip(*parts, strict=True)] or None)


def of_rows(rows: Iterable[Sequence[Any]]) -> str:
    """Return the checksum of ``rows`` in plain Python: the definition the queries are held to."""
    count, sums = 0, [0, 0]
    for row in rows:
        hashed = hashlib.md5("".join(map(_cell, row)).encode(), usedforsecurity=False).hexdigest()
        count += 1
        sums = [sums[0] + int(hashed[:15], 16), sums[1] + int(hashed[15:30], 16)]
    return text((count, *sums))


def _row(forms: Iterable[str], length: str) -> str:
    return " || ".join(f"coalesce({length}({form}) || ':' || {form}, 'N')" for form in forms)


def _duckdb_form(column: Column, table: str) -> str:
    name = f'"{column.name}"'
    form = DUCKDB[kind(column, table)].format(c=name)
    places = narrow_places(column.type)
    if places is None:
        return form
    # The text is the same, and DuckDB writes it ten times as fast where the value is no larger.
    limit = 10 ** (NARROW_DIGITS - places) - 1
    narrow = DUCKDB["decimal"].format(c=f"CAST({name} AS DECIMAL({NARROW_DIGITS}, {places}))")
    return f"CASE WHEN {name} BETWEEN -{limit} AND {limit} THEN {narrow} ELSE {form} END"


def _cell(value: Any) -> str:
    if value is None:
        return "N"
    forms: Mapping[type, Callable[[Any], str]] = {
        bool: lambda each: "t" if each else "f",
        int: str,
        str: str,
        Decimal: lambda each: f"{each:f}",
        datetime: lambda each: str(
            round((each - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 10**6)
        ),
        date: lambda each: each.isoformat(),
        list: lambda each: "".join(map(_cell, each)),
    }
    form = forms[type(value)](value)
    return f"{len(form.encode())}:{form}"
