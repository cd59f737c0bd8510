"""What only BigQuery does as a store: over Google's own client, on the emulator."""

from __future__ import annotations

import contextlib
import itertools
import re
from dataclasses import replace
from typing import Any

import pytest

from oso_processors.errors import StoreUnusable
from oso_processors.release import release
from oso_processors.release.measure import Wish
from oso_processors.release.rollback import rollback
from oso_processors.release.verify import drifted, verify
from oso_processors.stores import Manifest, Output
from oso_processors.stores.files import FilesStore
from tests.bigquery.publishing import ALL, COUNTS, FEWER, NARROW, PUBLISHED, VIEW, rows
from tests.stores.conftest import COLUMNS, manifest, publish, table

pytestmark = pytest.mark.bigquery


def names(client: Any) -> dict[str, str]:
    return {each.table_id: each.table_type for each in client.list_tables("published")}


def test_tables_sorted_tables_and_views_are_served_as_they_are_in_duckdb(
    store, everything, output, said
):
    sorted_by = output({"cluster_by": ["word", "id"]}, name="sorted")
    outputs = [output(name="small"), sorted_by, output(VIEW, name="large")]

    whole = publish(store, everything, 1, *outputs)

    assert store.drift(whole) == []
    assert [re.sub(r"[\d,]+ bytes", "… bytes", line) for line in said] == [
        "bigquery: copied into tables at each release: small (… bytes), sorted (… bytes)",
        "bigquery: shown by views: large (… bytes)",
    ]


def test_a_list_that_is_null_is_one_clear_line(store, everything, output):
    everything.execute("UPDATE everything SET words = NULL WHERE id = 1")
    whole = output()

    with pytest.raises(StoreUnusable) as caught:
        store.build(everything, manifest(1, whole), whole)

    assert str(caught.value) == (
        "bigquery: everything: words: 1 rows hold NULL instead of a list or in one, which BigQuery"
        " does not keep; write an empty list in the model, or leave the NULL out;"
        " what was published before stays"
    )
    assert store.left_over() == []


def test_what_is_built_again_is_not_loaded_again(store, client, everything, whole):
    store.build(everything, manifest(1, whole), whole)
    jobs = len(list(client.list_jobs()))
    everything.execute("DROP TABLE everything")

    store.build(everything, manifest(2, whole), whole)

    assert len(list(client.list_jobs())) == jobs


def test_a_run_that_was_cut_off_before_it_described_a_table_is_mended(
    store, client, everything, whole, monkeypatch
):
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(store._public, "describe", die)
        store.build(everything, manifest(1, whole), whole)
    loaded = client.get_table(store._place.behind(whole))

    store.build(everything, manifest(2, whole), whole)

    mended = client.get_table(store._place.behind(whole))
    assert (loaded.description, loaded.labels) == (None, {})
    assert mended.description == "One of everything."
    assert mended.labels["made_by"] == "oso_processors"
    assert [each.description for each in mended.schema] == [each.description for each in COLUMNS]


def test_a_table_that_was_dropped_is_loaded_again_under_the_same_release(
    store, client, everything, whole
):
    store.build(everything, manifest(1, whole), whole)
    client.delete_table(store._place.behind(whole))

    store.build(everything, manifest(1, whole), whole)

    verify(store, manifest(1, whole), whole)


def test_readers_see_the_new_release_of_all_names_from_one_moment_on(
    store, client, everything, output, monkeypatch
):
    publish(store, everything, 1, output(name="small"), output(VIEW, name="large"))
    second = [output(query=FEWER, name="small"), output(VIEW, query=FEWER, name="large")]
    seen = []
    query = store._jobs.query

    def watched(sql: str, **parameters: Any) -> Any:
        before = rows(client, COUNTS)
        found = query(sql, **parameters)
        seen.append((*before, *rows(client, COUNTS), "BEGIN TRANSACTION" in sql))
        return found

    monkeypatch.setattr(store._jobs, "query", watched)
    two = publish(store, everything, 2, *second)

    assert {each[:2] for each in seen if not each[2]} == {((5, 5), (5, 5)), ((2, 2), (2, 2))}
    assert [each[:2] for each in seen if each[2]] == [((5, 5), (2, 2))]
    assert store.drift(two) == []
    assert names(client) == {"small": "TABLE", "large": "VIEW"}


def test_a_switch_that_is_cut_off_at_any_change_leaves_one_whole_release(
    store, client, everything, output, monkeypatch
):
    """A table, a view, a name that goes and one that comes; the next run only sweeps."""

    def outputs(count: int) -> list[Output]:
        made = {**NARROW, "query": f"{NARROW['query']} WHERE id <= {count}"}
        options = {"small": {}, "large": {"kind": "view"}, f"only_{count}": {}}
        return [output(each, name=name, **made) for name, each in options.items()]

    whole = {count: outputs(count) for count in (2, 3)}
    releases = {count: manifest(count, *each) for count, each in whole.items()}
    publish(store, everything, 2, *whole[2])
    publish(store, everything, 3, *whole[3])
    request, left = client._connection.api_request, 0

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= named.get("method") != "GET"
        if left < 0:
            raise KeyboardInterrupt
        return request(*arguments, **named)

    for changes in itertools.count():
        left, other = changes, 5 - store.served().number
        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            patch.setattr(client._connection, "api_request", dying)
            store.publish(releases[other], whole[other])

        served = store.served().number
        assert rows(client, COUNTS) == [(served, served)]
        store.sweep(releases.values())
        assert set(names(client)) == {"small", "large", f"only_{served}"}
        if left >= 0:
            break

    assert changes > 10
    assert store.drift(store.served()) == []
    assert store.left_over() == []


def test_a_release_that_another_run_overtook_is_not_published(
    store, everything, output, monkeypatch
):
    publish(store, everything, 1, output(**NARROW))
    mine, other = (
        output(query=f"{NARROW['query']} LIMIT {n}", columns=COLUMNS[:2]) for n in (2, 3)
    )
    store.build(everything, manifest(2, mine), mine)
    commit = store._releases.commit

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr(store._releases, "commit", commit)
        publish(store, everything, 3, other)
        commit(*arguments)

    monkeypatch.setattr(store._releases, "commit", overtaken)
    with pytest.raises(StoreUnusable, match="another release was published meanwhile"):
        store.publish(manifest(2, mine), [mine])

    assert store.served() == manifest(3, other)
    assert store.drift(manifest(3, other)) == []


CHANGES = {
    "more": "SELECT *, upper(word) AS loud FROM everything",
    "less": "SELECT * EXCLUDE (small) FROM everything",
    "type": "SELECT * REPLACE (CAST(id AS VARCHAR) AS id) FROM everything",
    "order": "SELECT word, * EXCLUDE (word) FROM everything",
}


def test_columns_may_come_go_move_and_where_that_is_only_a_preview_have_another_type(
    store, everything, output
):
    preview = {"owner": "me", "tier": "preview"}
    known = {each.name: each for each in COLUMNS}

    def changed(change: str, options: dict[str, object]) -> Output:
        shape = everything.execute(f"DESCRIBE {CHANGES[change]}").fetchall()
        columns = tuple(
            replace(known.get(name, known["word"]), name=name, type=kind)
            for name, kind, *_ in shape
        )
        kind = options.get("kind", "table")
        return output(
            options, preview, name=f"{change}_{kind}", query=CHANGES[change], columns=columns
        )

    kinds: list[dict[str, object]] = [{"cluster_by": ["word"]}, VIEW]
    after = [changed(change, options) for change in CHANGES for options in kinds]
    before = [output(dict(each.options["bigquery"]), preview, name=each.name) for each in after]
    publish(store, everything, 1, *before)

    two = publish(store, everything, 2, *after)

    assert store.drift(two) == []


def test_a_promised_column_keeps_its_type(store, client, everything, output):
    one = publish(store, everything, 1, output(**NARROW))
    query = "SELECT id, CURRENT_DATE AS word FROM everything"
    other = output(query=query, columns=(COLUMNS[0], replace(COLUMNS[1], type="DATE")))

    with pytest.raises(StoreUnusable) as caught:
        store.ready([other])

    assert str(caught.value) == (
        "bigquery: everything: column word is STRING and would be DATE, which BigQuery cannot switch"
        " at the moment of the rest; publish it under a new name, or as `tier: preview`;"
        " what was published before stays"
    )
    assert store.served() == one


def test_all_stores_do_nothing_where_nothing_is_new_and_go_back_together(
    store, everything, quiet, tmp_path
):
    stores = [FilesStore(tmp_path / "files"), store]
    options: dict[str, Any] = {"files": {}, "bigquery": {}}

    def wish(query: str) -> Wish:
        return Wish(table(query=query, columns=COLUMNS[:2]), options, {"tier": "stable"})

    first = release(everything, [wish(NARROW["query"])], stores, {}, quiet)
    again = release(everything, [wish(NARROW["query"])], stores, {}, quiet)
    release(everything, [wish(f"{NARROW['query']} WHERE id < 5")], stores, {}, quiet)

    back = rollback(everything, stores, quiet)

    assert again.plan.is_nothing
    assert set(first.release.contents) > {"everything", "_releases", "_changes"}
    assert back.release.digests["everything"] == first.release.digests["everything"]
    assert drifted(stores) == (back.release, [])


def test_a_reason_is_kept_to_the_letter(store, everything, output):
    whole = output(**NARROW)
    one = publish(store, everything, 1, whole)
    two = Manifest(2, "2024-05-02", one.contents, one.remembered(), 'a "reason"\n\\ \U0001f600')

    store.publish(two, [whole])

    assert store.served() == two


def test_a_table_of_somebody_else_in_the_store_stays(store, client, everything, output):
    publish(store, everything, 1, output(**NARROW))
    client.query("CREATE TABLE published_store.mine AS SELECT 1 AS one").result()

    store.sweep([])

    assert store.left_over() == []
    assert "mine" in {each.table_id for each in client.list_tables("published_store")}


def test_an_empty_table_is_a_table(store, everything, output):
    whole = publish(store, everything, 1, output(query=f"{ALL} LIMIT 0"))

    assert store.drift(whole) == []


def test_a_name_that_somebody_else_made_is_refused_and_stays(store, client, output):
    client.create_dataset("published")
    client.query("CREATE TABLE published.everything AS SELECT 1 AS one").result()

    with pytest.raises(StoreUnusable, match="was made by somebody else; rename it"):
        store.ready([output()])


def test_what_cannot_be_taken_away_is_one_line_with_the_way_out(
    store, client, everything, output, monkeypatch
):
    publish(store, everything, 1, output({"kind": "view"}, **NARROW))
    two = output(
        {"kind": "view"}, query="SELECT id, word FROM everything LIMIT 2", columns=COLUMNS[:2]
    )

    def settle(*_: object) -> None:
        rows(client, "SELECT * FROM published.nothing_of_this_name")

    with monkeypatch.context() as patch:
        patch.setattr(store._public, "settle", settle)
        release = publish(store, everything, 2, two)
        with pytest.raises(StoreUnusable) as caught:
            store.sweep([release])
    left_over = store.left_over()
    client.delete_table(f"{PUBLISHED}.everything")
    store.sweep([release])

    assert left_over[0] == "what a switch needed while it lasted"
    assert str(caught.value).startswith(f"bigquery: {PUBLISHED}.everything: 404 ")
    assert str(caught.value).endswith(
        "; r2 is served, but what its switch needed is still there, and the next release waits for it;"
        " if it stays so, drop this name and run again: it is made anew from what is kept;"
        " what was published before stays"
    )
    assert store.drift(release) == []


def test_long_descriptions_are_kept_as_far_as_bigquery_keeps_them(
    store, client, everything, output
):
    columns = (replace(COLUMNS[0], description="long " * 400), *COLUMNS[1:])

    release = publish(store, everything, 1, output(columns=columns))

    found = client.get_table(f"{PUBLISHED}.everything").schema[0].description
    assert len(found) == 1024
    assert store.drift(release) == []
