"""Each macro, as SQLMesh renders it for either engine, gives the same for many values at once.

A case is one row of arguments, or one group of rows for what aggregates. With those of the models there are
at least a thousand in the usual run.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import strategies as st

from oso_processors.errors import QueryFailed
from oso_processors.googlesql import Content
from oso_processors.models import ENGINES

# SQLMesh's own, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WHOLE = st.integers(-9223372036, 9223372036)
DIVISORS = st.integers(-4611686018427387904, 4611686018427387904) | st.integers(-9, 9)
TIES = st.sampled_from([2_000_000_000, -2_000_000_000, 6, 4_000_000_000])
SHARES = st.integers(0, 10**9).map(lambda billionths: Decimal(billionths).scaleb(-9))
IDS = st.text("0123456789abcdef", min_size=64, max_size=64)
PLAIN_DIGITS = st.decimals(-(10**20), 10**20, places=11).map(lambda each: f"{each:f}")
BOTS = Content({"account": "STRING"}, [["bors"], ["a"], ["É"]])
BATCH = 30
BATCHES = 3
GROUPS = 10


@dataclass(frozen=True)
class Subject:
    """An expression over columns of a table `t`; with `is_group` rows of one number belong together."""

    expression: str
    columns: dict[str, str]
    arguments: dict[str, st.SearchStrategy[Any]]
    is_group: bool = False


SUBJECTS = {
    "entity_id": Subject(
        "@entity_id(t.source, t.namespace, t.name)",
        {"source": "STRING", "namespace": "STRING", "name": "STRING"},
        {"source": st.sampled_from(["GITHUB", "NPM", "npm", "ΑΣ"])},
    ),
    "entity_id of GitHub": Subject(
        "@entity_id('GITHUB', t.namespace, t.name)", {"namespace": "STRING", "name": "STRING"}, {}
    ),
    "entity_id of npm": Subject(
        "@entity_id('NPM', t.namespace, t.name)", {"namespace": "STRING", "name": "STRING"}, {}
    ),
    "key": Subject("@key(t.id)", {"id": "STRING"}, {"id": IDS}),
    "lower_ascii": Subject("@lower_ascii(t.text)", {"text": "STRING"}, {}),
    "is_bot": Subject("@is_bot(t.name)", {"name": "STRING"}, {}),
    "is_bot of two": Subject("@is_bot(t.name, t.login)", {"name": "STRING", "login": "STRING"}, {}),
    "ratio": Subject(
        "@ratio(t.part, t.whole)",
        {"part": "INT64", "whole": "INT64"},
        {"part": WHOLE | st.integers(-9, 9), "whole": DIVISORS | TIES},
    ),
    "covered": Subject(
        "@covered(t.share, t.beside, t.alone)",
        dict.fromkeys(("share", "beside", "alone"), "NUMERIC(38, 9)"),
        dict.fromkeys(("share", "beside", "alone"), SHARES),
    ),
    "decimal of whole numbers": Subject(
        "@decimal(t.value)",
        {"value": "INT64"},
        {"value": st.integers(-(2**63), 2**63 - 1)},
    ),
    "decimal of text": Subject(
        "@decimal(t.value)",
        {"value": "STRING"},
        {"value": PLAIN_DIGITS | st.sampled_from(["", "x", " 1"])},
    ),
    "percentile": Subject(
        "@percentile(t.value, 50)", {"value": "INT64"}, {"value": st.integers(-3, 3)}, True
    ),
    "percentile of decimals": Subject(
        "@percentile(t.value, 90)", {"value": "NUMERIC(38, 9)"}, {"value": SHARES}, True
    ),
}


# Macros that stand for a table, over one whose rows say the same more than once.
TABLES = {
    "deduplicated": "SELECT r.a, r.b, r.n FROM @deduplicated(t, (a, b), -n, n > 1) AS r",
    "deduplicated by one": "SELECT r.a, MAX(r.n) AS n FROM @deduplicated(t, a, (n, b), TRUE) AS r GROUP BY r.a",
    "unnested": "SELECT r.a, r.n, r.one FROM @unnested(t, items, one) AS r",
}
COLUMNS = {"a": "INT64", "b": "STRING", "n": "INT64", "items": "ARRAY<INT64>"}


def rendered(model):
    """The query of a model as either engine gets it."""
    return tuple(
        model.render_query_or_raise(engine_adapter=ENGINES[each]).sql(each)
        for each in ("duckdb", "bigquery")
    )


def rows_of(subject, values):
    """Batches of arguments, each row with a number: its own, or that of its group."""
    numbers = st.integers(0, GROUPS - 1) if subject.is_group else st.just(None)
    arguments = [
        st.none() | subject.arguments.get(name, values(kind))
        for name, kind in subject.columns.items()
    ]
    rows = st.tuples(numbers, *arguments)
    return st.lists(rows, min_size=BATCH, max_size=BATCH * 2).map(
        lambda listed: [
            (number if row[0] is None else row[0], *row[1:]) for number, row in enumerate(listed)
        ]
    )


def least(subject):
    """How many cases there are of a subject, whatever is drawn."""
    return GROUPS if subject.is_group else BATCHES * BATCH


def test_all_macros_together_are_compared_in_hundreds_of_cases():
    assert sum(map(least, SUBJECTS.values())) >= 750


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_macro_gives_the_same_on_both_engines(name, model_of, values, try_out, compare):
    subject = SUBJECTS[name]
    group = " GROUP BY t.number" if subject.is_group else ""
    query = f"SELECT t.number, {subject.expression} AS value FROM t{group}"
    model = model_of(query)
    on_duckdb, on_bigquery = rendered(model)
    compared = []

    def same(rows):
        columns = {"number": "INT64", **subject.columns}
        tables = {"t": Content(columns, rows), "seeds.bots": BOTS}
        compare(on_duckdb, on_bigquery, tables)
        compared.append(len({number for number, *_ in rows}))

    try_out(BATCHES, rows_of(subject, values), same)

    assert sum(compared) >= least(subject)


@pytest.mark.parametrize("part", [9223372037, -9223372037])
def test_a_ratio_that_is_too_large_fails_on_both_engines(part, model_of, engine, duckdb_rows):
    rendered = model_of("SELECT @ratio(t.part, 1) AS value FROM t").render_query_or_raise()
    tables = {"t": Content({"part": "INT64"}, [[part]])}

    with pytest.raises(duckdb.OutOfRangeException):
        duckdb_rows(rendered.sql("duckdb"), tables)
    with pytest.raises(QueryFailed):
        engine.execute(rendered.sql("bigquery"), tables)


@pytest.mark.parametrize("percent", ["0", "101", "-5", "50.5", "'50'", "t.p"])
def test_what_is_no_percentile_is_refused(percent, model_of):
    model = model_of(f"SELECT @percentile(t.v, {percent}) AS value FROM t")

    with pytest.raises(Exception, match="is no percentile; write a whole number, 1 to 100"):
        model.render_query_or_raise()


@pytest.mark.parametrize("name", TABLES)
def test_a_macro_that_stands_for_a_table_gives_the_same_rows_on_both_engines(
    name, model_of, try_out, compare
):
    on_duckdb, on_bigquery = rendered(model_of(TABLES[name]))
    compared = []

    def same(rows):
        # What tells rows apart in the end differs in each.
        numbered = [(a, b, number, items) for number, (a, b, items) in enumerate(rows)]
        compared.append(compare(on_duckdb, on_bigquery, {"t": Content(COLUMNS, numbered)}))

    keys = st.none() | st.integers(0, 2), st.none() | st.sampled_from(["x", "y"])
    rows = st.tuples(*keys, st.lists(st.integers(0, 3), max_size=3))
    try_out(BATCHES, st.lists(rows, min_size=BATCH, max_size=BATCH * 2), same)

    assert any(compared)
