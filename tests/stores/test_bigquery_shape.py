"""What the BigQuery store writes, held to GoogleSQL: it must be taken, and mean what it should."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from oso_processors import checksum
from oso_processors.googlesql import Content
from oso_processors.stores import Output
from oso_processors.stores import bigquery_shape as shape
from oso_processors.tables import Column, Table

PLACE = shape.Place("my-project", "published")
COLUMNS = (Column("id", "BIGINT", "The grain."), Column("word", "VARCHAR", "A word."))
TOKEN = "abc"


def output(digest: str, *columns: Column, **options: object) -> Output:
    table = Table("t", "marts.t", "", columns or COLUMNS, ("id",), "One of them.", "")
    about = {"owner": "The Owner", "tier": "stable", "licence": "CC-BY-SA-4.0"}
    return Output(table, "1:0:0", 1, digest * 12, {"bigquery": options}, about)


def behind(each: Output, *rows: tuple[object, ...]) -> dict[str, Content]:
    return {PLACE.behind(each): Content(dict(shape.columns(each)), rows)}


def served(*tokens: str) -> dict[str, Content]:
    columns = {"token": "STRING", "is_served": "BOOL"}
    return {PLACE.releases: Content(columns, [(each, each == tokens[0]) for each in tokens])}


@pytest.mark.parametrize(("tokens", "rows"), [(["old"], [(1, "a")]), (["abc", "old"], [(2, "b")])])
def test_a_guarded_view_shows_the_release_that_is_served(engine, tokens, rows):
    old, new = output("0"), output("1")

    query = shape.guarded_view(PLACE, old, new, TOKEN)

    tables = behind(old, (1, "a")) | behind(new, (2, "b")) | served(*tokens)
    assert engine.execute(query, tables).rows == rows


def test_a_guarded_view_has_the_columns_of_both_releases(engine):
    old = output("0", COLUMNS[0], Column("gone", "VARCHAR[]", ""))
    new = output("1", COLUMNS[0], Column("amount", "DECIMAL(38,9)", ""))

    query = shape.guarded_view(PLACE, old, new, TOKEN)

    tables = behind(old, (1, ["a"])) | behind(new, (2, Decimal(3)))
    assert engine.execute(query, tables | served("old")).rows == [(1, ["a"], None)]
    found = engine.execute(query, tables | served("abc"))
    assert [str(each.name) for each in found.columns] == ["id", "gone", "amount"]
    assert found.rows == [(2, None, Decimal(3))]


@pytest.mark.parametrize(
    ("new", "other_types", "is_grown"),
    [
        ((*COLUMNS, Column("more", "DATE", "")), {}, True),
        (COLUMNS[:1], {}, False),
        (COLUMNS[::-1], {}, False),
        ((COLUMNS[0], Column("word", "DATE", "")), {"word": ("STRING", "DATE")}, False),
        ((Column("id", "INTEGER", "Narrow."), COLUMNS[1]), {}, True),
    ],
)
def test_columns_are_compared_as_bigquery_has_them(new, other_types, is_grown):
    old, other = output("0"), output("1", *new)

    assert shape.retyped(old, other) == other_types
    assert shape.is_grown(old, other) == is_grown


@pytest.mark.parametrize(
    ("rows", "is_unique"),
    [
        ([(1, "a"), (2, "a")], True),
        ([(1, "a"), (1, "b")], False),
        ([(None, "a")], False),
        ([], True),
    ],
)
def test_the_grain_is_asked_for_repetition_and_null(engine, rows, is_unique):
    each = output("0")

    query = shape.grain_is_unique(each, PLACE.behind(each))

    assert engine.execute(query, behind(each, *rows)).rows == [(is_unique,)]


def test_the_rows_of_many_are_summed_without_an_overflow(engine):
    each = output("0")
    rows = [(number, "word") for number in range(100)]

    query = checksum.bigquery_sql(each.table, shape.quoted(PLACE.behind(each)))

    [found] = engine.execute(query, behind(each, *rows)).rows
    assert checksum.text(found) == checksum.of_rows(rows)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("DECIMAL(38,9)", "NUMERIC"),
        ("DECIMAL(9,2)", "NUMERIC"),
        ("DECIMAL(38,2)", "BIGNUMERIC"),
        ("DECIMAL(18,10)", "BIGNUMERIC"),
        ("BIGINT", "INT64"),
        ("BOOLEAN", "BOOL"),
        ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"),
        ("VARCHAR[]", "ARRAY<STRING>"),
    ],
)
def test_every_type_has_one_of_bigquerys(kind, wanted):
    assert shape.columns(output("0", Column("c", kind, ""))) == [("c", wanted)]


def test_labels_are_written_in_the_letters_that_bigquery_takes():
    assert shape.labels(output("0"), "r7") == {
        "made_by": "oso_processors",
        "release": "r7",
        "owner": "the_owner",
        "tier": "stable",
        "licence": "cc-by-sa-4_0",
    }
    assert shape.label("É" * 100) == "_" * 63


def test_one_transaction_replaces_rows_and_says_which_release_is_served():
    script = shape.commit(PLACE, [output("0")])

    assert script == (
        "BEGIN TRANSACTION;\n"
        "ASSERT IFNULL((SELECT MAX(token) FROM `my-project`.`published_store`.`_releases`"
        " WHERE is_served), '') = @before AS 'another release was published meanwhile';\n"
        "TRUNCATE TABLE `my-project`.`published`.`t`;\n"
        "INSERT INTO `my-project`.`published`.`t` (`id`, `word`) SELECT `id`, `word`"
        " FROM `my-project`.`published_store`.`t__000000000000`;\n"
        "DELETE FROM `my-project`.`published_store`.`_releases`"
        " WHERE number = @number OR token = @token;\n"
        "UPDATE `my-project`.`published_store`.`_releases` SET is_served = FALSE WHERE is_served;\n"
        "INSERT INTO `my-project`.`published_store`.`_releases`"
        " (number, token, manifest, kinds, is_served, is_tidy)"
        " VALUES (@number, @token, @manifest, @kinds, TRUE, FALSE);\n"
        "COMMIT TRANSACTION;"
    )


def test_a_view_is_made_with_its_words_and_labels():
    each = output("0")
    quoting = replace(each, table=replace(each.table, description='A "word"\nand \\ more.'))

    statement = shape.create_view("p.d.t", quoting, {"a": "b"}, "SELECT 1")

    assert statement == (
        "CREATE OR REPLACE VIEW `p`.`d`.`t` OPTIONS"
        r' (description = "A \"word\"\nand \\ more.", labels = [("a", "b")]) AS SELECT 1'
    )


@pytest.mark.parametrize(
    ("options", "now", "byte_count", "kind"),
    [
        ({}, None, shape.SMALL, "table"),
        ({}, None, shape.SMALL + 1, "view"),
        ({}, "table", shape.SMALL + 1, "table"),
        ({"kind": "view"}, None, 1, "view"),
        ({"kind": "table"}, None, shape.SMALL + 1, "table"),
        ({"partition_by": "id", "partition_unit": "month"}, None, 1, "view"),
    ],
)
def test_a_name_is_a_table_or_a_view_by_what_it_is_by_declaration_or_by_size(
    options, now, byte_count, kind
):
    assert shape.kind_of(output("0", **options), now, byte_count) == kind
