"""A place in a rendered query is found again in what its author wrote."""

from __future__ import annotations

import pytest

from oso_processors.check.places import Place, cast_operators, locate, place_of

AUTHOR = """\
/* One row is an event; `total` is a word of this comment. */
MODEL (
  name staging.events,
  kind FULL
);

WITH named AS (
  SELECT
    id,
    @entity_id('GITHUB', '', name) AS entity_id,
    total
  FROM raw.events
)
SELECT
  CAST(id AS STRING) AS id, /* Its id. */
  CAST(total AS INT64) AS total
FROM named
"""
RENDERED = """\
WITH `named` AS (
  SELECT `events`.`id` AS `id`, TO_HEX(SHA256(CONCAT('GITHUB', CHR(31), `events`.`name`)))
  AS `entity_id`, `events`.`total` AS `total`
  FROM `raw`.`events` AS `events`
)
SELECT
  CAST(`named`.`id` AS STRING) AS `id`, /* Its id. */
  CAST(`named`.`total` AS INT64) AS `total`
FROM `named` AS `named`
"""


def column_of(line: int, text: str) -> int:
    return RENDERED.splitlines()[line - 1].index(text) + 1


@pytest.mark.parametrize(
    ("line", "text", "place"),
    [
        (2, "`events`.`id`", Place(9, 5)),
        (2, "`id`", Place(9, 5)),
        (2, "`events`.`name`", Place(10, 30)),
        (3, "`events`.`total`", Place(11, 5)),
        (7, "CAST", Place(15, 3)),
        (7, "`named`", Place(15, 8)),
        (9, "`named`", Place(17, 6)),
    ],
)
def test_a_word_of_the_author_has_its_line_and_column(line, text, place):
    assert locate(AUTHOR, RENDERED, line, column_of(line, text)) == place


def test_a_word_of_a_macro_has_the_line_of_the_macro():
    assert locate(AUTHOR, RENDERED, 2, column_of(2, "SHA256")) == Place(10)


def test_a_refusal_without_a_place_has_the_first_line():
    assert locate(AUTHOR, RENDERED, None, None) == Place(1)


def test_a_model_in_python_has_the_line_that_holds_the_word():
    assert locate(
        '"""A model."""\n\nname = "total"\n', RENDERED, 8, column_of(8, "`total`")
    ) == Place(3)


def test_a_file_that_cannot_be_read_as_sql_has_a_line():
    assert locate("it's\n'total", RENDERED, 8, column_of(8, "`total`")) == Place(2)


def test_other_casts_are_found_in_the_query_only():
    author = AUTHOR.replace("CAST(total AS INT64)", "total::INT64 /* not a::b */ || 'x::y'")

    assert cast_operators(author) == [Place(16, 8)]
    assert cast_operators(AUTHOR) == []


def test_a_column_is_named_where_its_expression_ends():
    assert place_of(AUTHOR, "total") == Place(16, 27)
