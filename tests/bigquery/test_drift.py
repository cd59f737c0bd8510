"""What is there no more as it was published in BigQuery: named, and made anew."""

from __future__ import annotations

import pytest

from tests.bigquery.publishing import NARROW, PUBLISHED, VIEW
from tests.stores.conftest import COLUMNS, publish

pytestmark = pytest.mark.bigquery

# What is done to a table, or a view, of that name, and what is said of it.
DRIFT = {
    "cell": (
        "UPDATE {name} SET word = 'other' WHERE id = 1",
        "its rows changed: their checksum is {found} and not {wanted}",
    ),
    "row": ("DELETE FROM {name} WHERE id = 1", "it has 4 rows and not 5"),
    "gone": ("DROP TABLE {name}", "the table is gone"),
    "words": (
        "ALTER TABLE {name} SET OPTIONS (description = 'mine')",
        "its description was edited",
    ),
    "labels": (
        "ALTER TABLE {name} SET OPTIONS (labels = [('release', 'r0')])",
        "its label release is r0 and not r1",
    ),
    "columns": ("ALTER TABLE {name} DROP COLUMN small", "column small is gone"),
    "view_gone": ("DROP VIEW {name}", "the view is gone"),
    "view_rows": (
        "CREATE OR REPLACE VIEW {name} OPTIONS (description = 'One of everything.', labels ="
        " [('made_by', 'oso_processors'), ('release', 'r1'), ('owner', 'the_owner'),"
        " ('tier', 'stable'), ('licence', 'cc-by-sa-4_0')]) AS"
        " SELECT * FROM `{behind}` WHERE id < 3",
        "it has 2 rows and not 5",
    ),
}


def test_what_is_there_no_more_as_it_was_published_is_named(store, client, everything, output):
    outputs = [output(VIEW if name.startswith("view") else {}, name=name) for name in DRIFT]
    release = publish(store, everything, 1, *outputs)

    for each in outputs:
        statement, _ = DRIFT[each.name]
        name, behind = f"published.{each.name}", store._place.behind(each)
        client.query(statement.format(name=name, behind=behind)).result()

    changed = "SELECT * REPLACE (CASE id WHEN 1 THEN 'other' ELSE word END AS word) FROM everything"
    found, wanted = output(query=changed).checksum, outputs[0].checksum
    lines = [f"{n}: {what.format(found=found, wanted=wanted)}" for n, (_, what) in DRIFT.items()]
    words = [f"view_rows: the description of column {each.name} was edited" for each in COLUMNS]
    assert store.drift(release) == [
        f"bigquery: {line}" for line in (*lines[:-1], *words, lines[-1])
    ]


def test_a_name_that_was_dropped_is_made_anew_by_a_run_with_nothing_new(
    store, client, everything, output
):
    one = publish(store, everything, 1, output(**NARROW))
    client.delete_table(f"{PUBLISHED}.everything")

    store.sweep([one])

    assert store.drift(one) == []


def test_a_view_that_lost_its_table_does_not_block_what_follows(store, client, everything, output):
    lost = output({"kind": "view"}, **NARROW)
    one = publish(store, everything, 1, lost)
    client.delete_table(store._place.behind(lost))
    two = output(
        {"kind": "view"}, query="SELECT id, word FROM everything LIMIT 2", columns=COLUMNS[:2]
    )

    told = store.drift(one)
    release = publish(store, everything, 2, two)

    assert told[0] == f"bigquery: everything: its table {lost.name}__{lost.digest[:12]} is gone"
    assert store.drift(release) == []
