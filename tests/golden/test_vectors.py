"""The golden vectors: one file of values, the same results on DuckDB, GoogleSQL, Postgres and in Python.

DuckDB gets what SQLMesh makes of the macros, GoogleSQL too; for Postgres the rules are written out
here as its readers must write them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from oso_processors.googlesql import Content
from oso_processors.ids import CASE_SENSITIVE, entity_id
from oso_processors.models import ENGINES

# SQLMesh's own, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

VECTORS = yaml.safe_load((Path(__file__).parent / "vectors.yaml").read_text())
POSTGRES_TYPES = {"STRING": "text", "INT64": "bigint", "DATE": "date", "BOOL": "boolean"}
PERCENTS = (1, 7, 50, 90, 100)
DIGITS = Context(prec=100)
NINE_DIGITS = Decimal("0.000000001")


@dataclass(frozen=True)
class Rule:
    """A rule in three languages: queries over a table `t` with a `number` a vector, and a function.

    In each vector `given` are the inputs; a list among them is a group of rows.
    """

    given: Mapping[str, str]
    bigquery: str
    postgres: str
    python: Callable[..., tuple[Any, ...]]


def identified(source: str, namespace: str, name: str) -> tuple[Any, ...]:
    return (entity_id(source, namespace, name),)


def numbered(id: str) -> tuple[Any, ...]:  # noqa: A002 -- the column's name
    return (int(id[:15], 16),)


def week(day: date) -> tuple[Any, ...]:
    year, number, weekday = day.isocalendar()
    return day - timedelta(days=weekday - 1), year, number


def month(day: date) -> tuple[Any, ...]:
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return first, following, first.replace(month=(day.month - 1) // 3 * 3 + 1), months(day)


def months(day: date) -> int:
    return day.year * 12 + day.month


def percentiles(values: Sequence[int | None]) -> tuple[Any, ...]:
    known = sorted(each for each in values if each is not None)
    # The rank is rounded up.
    return tuple(known[-(-len(known) * each // 100) - 1] if known else None for each in PERCENTS)


def ratio(part: int | None, whole: int | None) -> tuple[Any, ...]:
    if part is None or not whole:
        return (None,)
    exact = DIGITS.divide(Decimal(part), Decimal(whole))
    return (exact.quantize(NINE_DIGITS, ROUND_HALF_EVEN, DIGITS),)


def summary(values: Sequence[bool | None]) -> tuple[Any, ...]:
    known = [each for each in values if each is not None]
    return (any(known), all(known), sum(known)) if known else (None, None, 0)


RULES = {
    "entity_ids": Rule(
        {"source": "STRING", "namespace": "STRING", "name": "STRING"},
        "SELECT @entity_id(t.source, t.namespace, t.name) AS id FROM t ORDER BY t.number",
        f"""
        SELECT encode(sha256(convert_to(source || chr(31) || CASE
            WHEN source IN ({", ".join(f"'{each}'" for each in sorted(CASE_SENSITIVE))}) THEN address
            ELSE translate(address, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
            END, 'UTF8')), 'hex') AS id
        FROM (SELECT *, namespace || chr(31) || name AS address FROM t) AS t
        ORDER BY number
        """,
        identified,
    ),
    "keys": Rule(
        {"id": "STRING"},
        "SELECT @key(t.id) AS key FROM t ORDER BY t.number",
        "SELECT ('x' || left(id, 15))::bit(60)::bigint AS key FROM t ORDER BY number",
        numbered,
    ),
    "weeks": Rule(
        {"day": "DATE"},
        """
        SELECT
          CAST(DATE_TRUNC(t.day, WEEK(MONDAY)) AS DATE) AS monday,
          EXTRACT(ISOYEAR FROM t.day) AS iso_year,
          CAST(FORMAT_DATE('%V', t.day) AS INT64) AS iso_week
        FROM t
        ORDER BY t.number
        """,
        """
        SELECT
          CAST(date_trunc('week', day) AS date) AS monday,
          CAST(extract(isoyear FROM day) AS int) AS iso_year,
          CAST(extract(week FROM day) AS int) AS iso_week
        FROM t
        ORDER BY number
        """,
        week,
    ),
    "months": Rule(
        {"day": "DATE"},
        """
        SELECT
          CAST(DATE_TRUNC(t.day, MONTH) AS DATE) AS month,
          CAST(DATE_ADD(CAST(DATE_TRUNC(t.day, MONTH) AS DATE), INTERVAL '1' MONTH) AS DATE) AS next_month,
          CAST(DATE_TRUNC(t.day, QUARTER) AS DATE) AS quarter,
          EXTRACT(YEAR FROM t.day) * 12 + EXTRACT(MONTH FROM t.day) AS ordinal
        FROM t
        ORDER BY t.number
        """,
        """
        SELECT
          CAST(date_trunc('month', day) AS date) AS month,
          CAST(date_trunc('month', day) + interval '1 month' AS date) AS next_month,
          CAST(date_trunc('quarter', day) AS date) AS quarter,
          CAST(extract(year FROM day) * 12 + extract(month FROM day) AS int) AS ordinal
        FROM t
        ORDER BY number
        """,
        month,
    ),
    "percentiles": Rule(
        {"values": "INT64"},
        f"""
        SELECT {", ".join(f"@percentile(t.values, {each}) AS p{each}" for each in PERCENTS)}
        FROM t
        GROUP BY t.number
        ORDER BY t.number
        """,
        # Not percentile_disc, which counts in binary fractions.
        f"""
        SELECT {
            ", ".join(
                f"(array_agg(values ORDER BY values))[(count(values) * {each} + 99) / 100] AS p{each}"
                for each in PERCENTS
            )
        }
        FROM t
        GROUP BY number
        ORDER BY number
        """,
        percentiles,
    ),
    "ratios": Rule(
        {"part": "INT64", "whole": "INT64"},
        "SELECT @ratio(t.part, t.whole) AS ratio FROM t ORDER BY t.number",
        """
        SELECT
          (quotient + CASE
            WHEN 2 * abs(rest) > abs(whole) OR 2 * abs(rest) = abs(whole) AND mod(quotient, 2) <> 0
            THEN sign(part::numeric * whole)
            ELSE 0
          END) * 0.000000001 AS ratio
        FROM (
          SELECT
            *,
            div(part * 1000000000::numeric, nullif(whole, 0)) AS quotient,
            mod(part * 1000000000::numeric, nullif(whole, 0)) AS rest
          FROM t
        ) AS t
        ORDER BY number
        """,
        ratio,
    ),
    "booleans": Rule(
        {"values": "BOOL"},
        """
        SELECT
          LOGICAL_OR(t.values) AS any,
          LOGICAL_AND(t.values) AS all,
          COUNT(IF(t.values, 1, NULL)) AS count
        FROM t
        GROUP BY t.number
        ORDER BY t.number
        """,
        """
        SELECT bool_or(values), bool_and(values), count(*) FILTER (WHERE values)
        FROM t
        GROUP BY number
        ORDER BY number
        """,
        summary,
    ),
}
ORDERED = {"booleans": "BOOL", "numbers": "INT64", "days": "DATE", "texts": "STRING"}


@pytest.fixture(params=["duckdb", "googlesql", "postgres"])
def rows_of(request, model_of):
    """Gives the rows of a query, in BigQuery's SQL and in Postgres's, over a table `t`."""

    def on_duckdb(bigquery, _, table):
        rows = request.getfixturevalue("duckdb_rows")
        rendered = model_of(bigquery).render_query_or_raise(engine_adapter=ENGINES["duckdb"])
        return rows(rendered.sql("duckdb"), {"t": table})

    def on_googlesql(bigquery, _, table):
        engine = request.getfixturevalue("engine")
        rendered = model_of(bigquery).render_query_or_raise(engine_adapter=ENGINES["bigquery"])
        return engine.execute(rendered.sql("bigquery"), {"t": table}).rows

    def on_postgres(_, postgres, table):
        return postgres_rows(request.getfixturevalue("postgres"), postgres, table)

    return {"duckdb": on_duckdb, "googlesql": on_googlesql, "postgres": on_postgres}[request.param]


def postgres_rows(dsn: str, sql: str, table: Content) -> list[tuple[Any, ...]]:
    typed = ", ".join(f"{name} {POSTGRES_TYPES[kind]}" for name, kind in table.columns.items())
    marks = ", ".join(["%s"] * len(table.columns))
    with psycopg.connect(dsn) as connection:
        connection.execute(f"CREATE TABLE t ({typed})")
        connection.cursor().executemany(f"INSERT INTO t VALUES ({marks})", list(table.rows))
        return connection.execute(sql).fetchall()


def table_of(rule: Rule, vectors: Sequence[Mapping[str, Any]]) -> Content:
    rows: list[tuple[Any, ...]] = []
    for number, vector in enumerate(vectors):
        given = [vector[name] for name in rule.given]
        if isinstance(given[0], list):
            rows.extend((number, each) for each in given[0])
        else:
            rows.append((number, *given))
    return Content({"number": "INT64", **rule.given}, rows)


def results(section: str) -> list[tuple[Any, ...]]:
    given = RULES[section].given
    return [
        tuple(meant(value) for name, value in vector.items() if name not in given)
        for vector in VECTORS[section]
    ]


def meant(value: Any) -> Any:
    """A decimal stands as text, lest YAML makes a float of it."""
    is_decimal = isinstance(value, str) and value[-10:-9] == "."
    return Decimal(value) if is_decimal else value


@pytest.mark.parametrize("section", RULES)
def test_every_engine_gives_what_the_vectors_say(section, rows_of):
    rule = RULES[section]

    found = rows_of(rule.bigquery, rule.postgres, table_of(rule, VECTORS[section]))

    assert found == results(section)


@pytest.mark.parametrize("section", RULES)
def test_python_gives_what_the_vectors_say(section):
    rule = RULES[section]

    found = [rule.python(*(each[name] for name in rule.given)) for each in VECTORS[section]]

    assert found == results(section)


@pytest.mark.parametrize("kind", ORDERED)
def test_every_engine_orders_alike(kind, rows_of):
    rising = VECTORS["orders"][kind]
    table = Content({"v": ORDERED[kind]}, [(each,) for each in rising[::2] + rising[1::2]])
    collation = ' COLLATE "C"' if kind == "texts" else ""

    up = rows_of(
        "SELECT t.v FROM t ORDER BY t.v",
        f"SELECT v FROM t ORDER BY v{collation} NULLS FIRST",
        table,
    )

    assert [value for (value,) in up] == rising


@pytest.mark.parametrize("kind", ORDERED)
def test_every_engine_numbers_in_falling_order_alike(kind, rows_of):
    rising = VECTORS["orders"][kind]
    table = Content({"v": ORDERED[kind]}, [(each,) for each in rising[::2] + rising[1::2]])
    collation = ' COLLATE "C"' if kind == "texts" else ""

    numbered = rows_of(
        "SELECT t.v, ROW_NUMBER() OVER (ORDER BY t.v DESC) AS number FROM t",
        f"SELECT v, row_number() OVER (ORDER BY v{collation} DESC NULLS LAST) FROM t",
        table,
    )

    assert dict(numbered) == {value: number for number, value in enumerate(reversed(rising), 1)}


@pytest.mark.parametrize("kind", ORDERED)
def test_python_orders_alike(kind):
    rising = VECTORS["orders"][kind]

    known = sorted(each for each in rising if each is not None)

    assert [None, *known] == rising


@pytest.mark.parametrize("unknown", ["source", "namespace", "name"])
def test_what_is_not_known_has_no_id(unknown, rows_of):
    rule = RULES["entity_ids"]
    vector = {"source": "NPM", "namespace": "a", "name": "b", unknown: None}

    found = rows_of(rule.bigquery, rule.postgres, table_of(rule, [vector]))

    assert found == [(None,)]
