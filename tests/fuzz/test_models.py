"""Each model's query gives the same rows on both engines, over small made-up tables of its parents.

A case is one set of tables for one model. The tables hold what the audits of the parents allow: rows
unique by their grain, no NULL where none may be. Values repeat, so that joins find partners.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlglot
from hypothesis import strategies as st
from sqlglot import exp

from oso_processors.googlesql import Content

# SQLMesh's own, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PROJECT = Path(__file__).parents[2]
# How many cases a model of each layer gets.
LAYERS = {"staging": 3, "intermediate": 5, "metrics": 3, "marts": 12}
# Raw tables have no audits; these are the promises of connectors and lander.
RAW_KEYS = {
    "raw.gharchive__events": ("id", "_load_id", "hour"),
    "raw.gharchive__hours": ("hour",),
    "raw.git_history__commits": ("repo", "sha", "_load_id"),
    "raw.oss_directory__collection_projects": ("collection_name", "project_name"),
    "raw.oss_directory__collections": ("name",),
    "raw.oss_directory__project_artifacts": ("project_name", "artifact_name", "artifact_type"),
    "raw.oss_directory__projects": ("name",),
}
# Columns in which only some values of their type are possible, or worth trying.
POSSIBLE = {
    "account": ["@ana", "7", "@bo", "bo"],
    "activity_date": [date(1970, 1, 1), date(1970, 1, 2), date(1969, 12, 31)],
    "actor_login": ["ana", "bo", "ana[bot]"],
    "amount": [*map(Decimal, ("1", "0", "2.5", "3.5", "1234567.000000001"))],
    "bot_event_count": [0, 1],
    "bytes": [1, 0, 9],
    "graph_date": [date(2024, 5, 31), date(9999, 12, 31)],
    "is_bot": [False, True, True],
    "is_contribution": [True, False],
    "is_direct": [True, False],
    # A model that reads a range of time reads this first day, and no other.
    "created_at": [
        datetime(1970, 1, 1, 12, 30, 0, 1, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(1970, 1, 2, tzinfo=UTC),
    ],
    "coverage": [*map(Decimal, ("1", "0", "0.5", "0.333333333"))],
    "history_share": [*map(Decimal, ("1", "0", "0.5", "0.333333333"))],
    "months_later": [1, 3, 6, 12],
    "opened_at": [datetime(1969, 12, 31, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)],
    "gas_fees_wei": [Decimal(1), Decimal(0), Decimal(10**28)],
    "ordinal": [1, 2, 3, 5],
    "repository_source_id": [1, 2, -3],
    "sample_date": [date(1970, 1, 1), date(1970, 1, 2)],
    "sha": ["aa", "bb"],
    "subject_key": [1, 2],
    "thread_number": [1, 2],
}
# Of ids numbers are made, by their hexadecimal digits.
NUMBERED = (
    "actor_id",
    "artifact_id",
    "caller_id",
    "contract_id",
    "dependency_id",
    "dependent_id",
    "funder_id",
    "package_id",
    "person_id",
    "receiver_id",
)
IDS = ["a1", "b2", "c3"]
COUNTS = [1, 2, 3, 10, 10**6]
MODELS = sorted(
    f"{path.relative_to(PROJECT / 'models').parts[0]}.{path.stem}"
    for path in (PROJECT / "models").rglob("*.sql")
    if path.relative_to(PROJECT / "models").parts[0] in LAYERS
)
# It reads nothing; the golden vectors prove its weeks and months.
MODELS.remove("intermediate.calendar")


@pytest.fixture
def tables_for(models, values):
    """Makes tables for a model: one for each of its parents."""

    @st.composite
    def tables(draw, name, compared):
        parents = [models[each] for each in models[name].parents]
        kinds = {kind for each in parents for kind in each.columns.values()}
        # A small world, in which rows meet: few values of each type, the first of them often.
        world = {
            kind: draw(st.lists(values(kind), min_size=2, max_size=4, unique=True))
            for kind in sorted(kinds | {"STRING"})
            if not kind.startswith("ARRAY")
        }
        least = draw(st.sampled_from([2, 1, 0, 2]))
        return {each.name: draw(table(each, least, world, compared)) for each in parents}

    def table(model, least, world, compared):
        key = RAW_KEYS.get(model.name) or models.words(model.name).grain
        known = {*key, *not_null(model.path.read_text())}
        cells = []
        for column, kind in model.columns.items():
            if kind.startswith("ARRAY"):
                cells.append(values(kind))
                continue
            first, *others = possible(column, kind, world, compared)
            missing = [] if column in known else [None, None]
            cells.append(st.sampled_from([*[first] * 6, *others, *missing]))
        at = [list(model.columns).index(each) for each in key]
        rows = st.lists(
            st.tuples(*cells),
            min_size=least,
            max_size=7,
            unique_by=lambda row: tuple(row[each] for each in at),
        )
        return rows.map(lambda listed: Content(model.columns, listed))

    return tables


def possible(column, kind, world, compared):
    """Return values for a column, first the one that most rows shall have."""
    texts = world["STRING"]
    if "downloads" in compared.get(column, ()):
        # A basis of its own for each system, or else one for all.
        return [texts[0], "downloads", f"downloads:{texts[0]}"]
    if column in compared:
        # Each of the words, and now and then another.
        return [*sorted(compared[column], key=lambda each: (each != texts[0], each)), texts[0]]
    if column in NUMBERED and kind == "STRING":
        return IDS
    if column in POSSIBLE:
        # What a source writes as text is plain digits.
        listed = POSSIBLE[column]
        return (
            [f"{e:f}" if isinstance(e, Decimal) else e for e in listed]
            if kind == "STRING"
            else listed
        )
    if column.endswith("_count"):
        return COUNTS
    if column == "metric_name":
        return ["_".join([texts[0]] * 3), *("_".join([each, *texts[:2]]) for each in texts)]
    if column == "repository_name":
        return ["/".join(texts[:2]), "/".join(texts[1::-1]), "/", f"{texts[0]}/"]
    return world[kind]


def words_in(query):
    """Return the texts that a query compares each column with."""
    found = defaultdict(set)
    for node in sqlglot.parse_one(query, dialect="bigquery").find_all(exp.EQ, exp.NEQ, exp.In):
        column = node.this.find(exp.Column)
        others = node.expressions if isinstance(node, exp.In) else [node.expression]
        words = {each.name for each in others if each.is_string}
        if column and words:
            found[column.name] |= words
    return found


def not_null(text):
    """Return the columns that a model's audit holds to be not NULL."""
    return re.findall(r"\w+", "".join(re.findall(r"not_null\(\s*columns := \(([^)]*)\)", text)))


def layer_of(name):
    return name.partition(".")[0]


def test_all_models_together_are_compared_in_hundreds_of_cases():
    assert sum(LAYERS[layer_of(name)] for name in MODELS) >= 250


@pytest.mark.parametrize("name", MODELS)
def test_a_model_gives_the_same_on_both_engines(name, models, tables_for, try_out, compare):
    duckdb_sql, google_sql = models.query(name, "duckdb"), models.query(name)
    number = LAYERS[layer_of(name)]
    found = []

    def same(tables):
        found.append(compare(duckdb_sql, google_sql, tables))

    tables = tables_for(name, words_in(google_sql))
    try_out(number, tables, same)
    if not any(found):
        # Where the rows of several tables have to meet, it takes more cases until they do.
        try_out(number * 15, tables, same)

    assert len(found) >= number
    assert any(found), "no case gave a row, which proves little; give POSSIBLE what its joins need"
