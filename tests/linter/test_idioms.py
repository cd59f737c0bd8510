"""Each line of the house list is true: both of its examples are run on both engines."""

from __future__ import annotations

import duckdb
import pytest

from linter.idiom import Effect, Idiom
from linter.idioms import IDIOMS
from linter.search import find
from oso_processors.errors import NotEvaluable, QueryFailed

# The first and the last day of a year, an hour before noon and one after, tell the elements apart.
MOMENTS = ("2023-01-01 15:02:03", "2024-12-31 05:02:03", "2025-06-09 00:00:00")
ELEMENTS = "YmdHMSTFDbBaAhjyGVuwUWIp"


def of(*effects: Effect) -> pytest.MarkDecorator:
    listed = [each for each in IDIOMS if each.effect in effects]
    return pytest.mark.parametrize("idiom", listed, ids=[each.name for each in listed])


def is_meant(found: object, idiom: Idiom) -> bool:
    """A day is no moment, and a decimal no float, though Python calls some of them equal."""
    return type(found) is type(idiom.value) and found == idiom.value


@of(*Effect)
def test_the_wrong_way_is_refused_by_its_own_rule_and_no_other(idiom, model_of):
    model = model_of(idiom.wrong)

    assert {each.idiom.name for each in find(model)} == {idiom.name}


@of(*Effect)
def test_the_right_way_is_refused_by_no_rule(idiom, model_of):
    model = model_of(idiom.right)

    assert find(model) == []


@of(*Effect)
def test_the_right_way_gives_on_both_engines_what_is_meant(
    idiom, model_of, on_duckdb, on_googlesql
):
    as_bigquery_gets_it = model_of(idiom.right).render_query_or_raise().sql("bigquery")

    assert is_meant(on_duckdb(idiom.right), idiom)
    assert is_meant(on_googlesql(idiom.right), idiom)
    assert is_meant(on_googlesql(as_bigquery_gets_it), idiom)


@of(Effect.DIFFERS, Effect.FAILS)
def test_the_wrong_way_gives_on_bigquery_what_is_meant(idiom, on_googlesql):
    try:
        found = on_googlesql(idiom.wrong)
    except NotEvaluable as error:
        pytest.skip(f"only BigQuery itself can say: {error}")

    assert is_meant(found, idiom)


@of(Effect.DIFFERS)
def test_the_wrong_way_differs_on_duckdb_without_a_word(idiom, on_duckdb):
    assert not is_meant(on_duckdb(idiom.wrong), idiom)


@of(Effect.FAILS)
def test_the_wrong_way_fails_on_duckdb(idiom, on_duckdb):
    with pytest.raises(duckdb.Error):
        on_duckdb(idiom.wrong)


@of(Effect.PASSES)
def test_the_wrong_way_fails_on_bigquery_alone(idiom, model_of, on_duckdb, on_googlesql):
    as_bigquery_gets_it = model_of(idiom.wrong).render_query_or_raise().sql("bigquery")

    on_duckdb(idiom.wrong)

    with pytest.raises(QueryFailed):
        on_googlesql(as_bigquery_gets_it)


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_format_elements_that_are_allowed_are_written_alike(
    moment, model_of, on_duckdb, on_googlesql
):
    each = ", ".join(f"FORMAT_TIMESTAMP('%{element}', t.d)" for element in ELEMENTS)
    query = f"SELECT [{each}] AS v FROM (SELECT TIMESTAMP '{moment}+00' AS d) AS t"

    assert find(model_of(query)) == []
    assert dict(zip(ELEMENTS, on_duckdb(query), strict=True)) == dict(
        zip(ELEMENTS, on_googlesql(query), strict=True)
    )


def test_names_of_rules_are_unique():
    names = [each.name.lower() for each in IDIOMS]

    assert sorted(set(names)) == sorted(names)
