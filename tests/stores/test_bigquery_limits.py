"""What BigQuery cannot do is refused in one clear line before anything is moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from oso_processors.errors import StoreUnusable
from oso_processors.stores import Output
from oso_processors.stores import bigquery_limits as limits
from oso_processors.tables import Column, Table

COLUMNS = (
    Column("id", "BIGINT", "The grain."),
    Column("word", "VARCHAR", "A word."),
    Column("words", "VARCHAR[]", "Words."),
)
Tier = Literal["stable", "preview"]


def output(tier: Tier = "stable", **options: object) -> Output:
    table = Table("t", "marts.t", "", COLUMNS, ("id",), "One of them.", "")
    return Output(table, "1:0:0", 1, "0" * 12, {"bigquery": options}, {"tier": tier})


def with_a_date(each: Output) -> Output:
    columns = (COLUMNS[0], replace(COLUMNS[1], type="DATE"), COLUMNS[2])
    return replace(each, table=replace(each.table, columns=columns))


def test_as_many_tables_as_one_transaction_changes_are_published():
    kinds = {f"t{number}": "table" for number in range(99)}

    limits.refuse_too_many({**kinds, "large": "view"})


def test_more_tables_than_one_transaction_changes_are_one_clear_line():
    with pytest.raises(StoreUnusable) as caught:
        limits.refuse_too_many({f"t{number}": "table" for number in range(102)})

    assert str(caught.value) == (
        "bigquery: publish: 102 outputs are tables, and BigQuery changes at most 99 of them at one"
        " moment; say `kind: view` for 3 that are not served yet; what was published before stays"
    )


def test_a_promised_column_keeps_its_type():
    limits.refuse_other_types(None, output())
    limits.refuse_other_types(output(), output())

    with pytest.raises(StoreUnusable) as caught:
        limits.refuse_other_types(output(), with_a_date(output()))

    assert str(caught.value) == (
        "bigquery: t: column word is STRING and would be DATE, which BigQuery cannot switch at the"
        " moment of the rest; publish it under a new name, or as `tier: preview`;"
        " what was published before stays"
    )


@pytest.mark.parametrize(
    ("old", "new"), [("preview", "preview"), ("preview", "stable"), ("stable", "preview")]
)
def test_a_column_that_is_only_a_preview_may_have_another_type(old, new):
    limits.refuse_other_types(output(old), with_a_date(output(new)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"kind": "view"},
            "is served as a table, and a name cannot become a view without being gone for a moment;"
            " say `kind: table`, or drop it first",
        ),
        (
            {"partition_by": "word", "partition_unit": "month"},
            "partition_by: word is no date or timestamp; name one that is",
        ),
        ({"cluster_by": ["words"]}, "cluster_by: words is a list; name another column"),
    ],
)
def test_options_that_cannot_be_are_one_clear_line(options, words):
    with pytest.raises(StoreUnusable) as caught:
        limits.refuse_options(output(**options), "table")

    assert str(caught.value) == f"bigquery: t: {words}; what was published before stays"
