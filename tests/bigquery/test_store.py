"""The BigQuery store over Google's own client, on the emulator."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from oso_processors.bigquery import EVERYBODY, BigQuery
from oso_processors.errors import StoreUnusable
from oso_processors.release import release
from oso_processors.release.measure import Wish, measured
from oso_processors.release.rollback import rollback
from oso_processors.release.verify import drifted, verify
from oso_processors.stores import Manifest, Output, Past
from oso_processors.stores.bigquery import BigQueryStore
from oso_processors.stores.files import FilesStore
from tests.stores.conftest import COLUMNS, ROWS, manifest, table

pytestmark = pytest.mark.bigquery

# BigQuery keeps no NULL instead of a list.
QUERY = "SELECT * REPLACE (coalesce(words, []) AS words) FROM everything"
ABOUT = {"owner": "The Owner", "tier": "stable", "licence": "CC-BY-SA-4.0"}
PUBLISHED = "oso-test.published"


@pytest.fixture
def client(emulator: Any) -> Iterator[Any]:
    """Google's client of an emulator in which nothing is published."""
    found = emulator.client()
    for name in ("published", "published_store"):
        found.delete_dataset(name, delete_contents=True, not_found_ok=True)
    yield found
    found.close()


@pytest.fixture
def said() -> list[str]:
    """What the store told of its choices."""
    return []


@pytest.fixture
def store(client: Any, tmp_path: Any, said: list[str]) -> BigQueryStore:
    settings = BigQuery("oso-test", dataset="published")
    return BigQueryStore(client, settings, tmp_path / "uploads", said.append)


@pytest.fixture
def everything(warehouse: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A warehouse with a table of every type that can be published."""
    typed = ", ".join(f'"{each.name}" {each.type}' for each in COLUMNS)
    warehouse.execute(f"CREATE TABLE everything ({typed})")
    warehouse.executemany(f"INSERT INTO everything VALUES ({', '.join('?' * 9)})", ROWS)
    return warehouse


@pytest.fixture
def output(everything: duckdb.DuckDBPyConnection) -> Callable[..., Output]:
    """Measures a table for BigQuery."""

    def make(query: str = QUERY, options: dict[str, object] | None = None, **parts: Any) -> Output:
        where = {"files": {}, "bigquery": options or {}}
        return measured(everything, Wish(table(query=query, **parts), where, ABOUT))

    return make


def publish(
    store: BigQueryStore, warehouse: duckdb.DuckDBPyConnection, number: int, *outputs: Output
) -> Manifest:
    release = manifest(number, *outputs)
    store.ready(outputs)
    for each in outputs:
        store.build(warehouse, release, each)
        verify(store, release, each)
    store.publish(release, outputs)
    return release


def rows(client: Any, query: str) -> list[tuple[Any, ...]]:
    return [tuple(each) for each in client.query(query).result()]


VIEW = {"kind": "view", "partition_by": "day", "partition_unit": "month", "cluster_by": ["word"]}


@pytest.mark.parametrize("options", [{}, {"cluster_by": ["word", "id"]}, VIEW])
def test_every_type_is_served_as_it_is_in_duckdb(store, everything, output, options):
    whole = output(options=options)

    release = publish(store, everything, 1, whole)

    assert store.served() == release
    assert store.drift(release) == []


def test_nothing_is_served_before_the_first_release(store):
    assert store.served() is None
    assert list(store.kept()) == []
    store.sweep([])
    assert store.left_over() == []


def test_a_list_that_is_null_is_one_clear_line(store, everything, output):
    whole = output(query="SELECT * FROM everything")

    with pytest.raises(StoreUnusable) as caught:
        store.build(everything, manifest(1, whole), whole)

    assert str(caught.value) == (
        "bigquery: everything: words: 1 rows hold NULL instead of a list or in one, which BigQuery"
        " does not keep; write an empty list in the model, or leave the NULL out;"
        " what was published before stays"
    )
    assert store.left_over() == []


def test_what_is_built_again_is_not_loaded_again(store, client, everything, output):
    whole = output()
    store.build(everything, manifest(1, whole), whole)
    jobs = len(list(client.list_jobs()))
    everything.execute("DROP TABLE everything")

    store.build(everything, manifest(2, whole), whole)

    assert len(list(client.list_jobs())) == jobs


def test_a_table_that_was_dropped_is_loaded_again_under_the_same_release(
    store, client, everything, output
):
    whole = output()
    store.build(everything, manifest(1, whole), whole)
    client.delete_table(f"oso-test.published_store.{store.left_over()[0].partition('.')[2]}")

    store.build(everything, manifest(1, whole), whole)

    verify(store, manifest(1, whole), whole)


def test_a_release_of_tables_and_views_is_published_at_once_and_another_after_it(
    store, client, everything, output, said
):
    first = [output(name="small"), output(name="large", options=VIEW)]
    one = publish(store, everything, 1, *first)
    kinds = {each.table_id: each.table_type for each in client.list_tables("published")}
    fewer = f"{QUERY} WHERE id < 3"
    second = [output(name="small", query=fewer), output(name="large", query=fewer, options=VIEW)]

    two = publish(store, everything, 2, *second)

    assert kinds == {"small": "TABLE", "large": "VIEW"}
    assert [re.sub(r"[\d,]+ bytes", "… bytes", line) for line in said] == [
        "bigquery: copied into tables at each release: small (… bytes)",
        "bigquery: shown by views: large (… bytes)",
    ]
    assert store.drift(two) == []
    assert store.drift(one) == []
    assert [each.number for each in store.kept()] == [2, 1]


def test_readers_see_the_new_release_of_all_names_from_one_moment_on(
    store, client, everything, output, monkeypatch
):
    first = [output(name="small"), output(name="large", options=VIEW)]
    publish(store, everything, 1, *first)
    fewer = f"{QUERY} WHERE id < 3"
    second = [output(name="small", query=fewer), output(name="large", query=fewer, options=VIEW)]
    counts = "SELECT (SELECT COUNT(*) FROM published.small), (SELECT COUNT(*) FROM published.large)"
    seen = []
    query = store._jobs.query

    def watched(sql: str, **parameters: Any) -> Any:
        before = rows(client, counts)
        found = query(sql, **parameters)
        seen.append((*before, *rows(client, counts), "BEGIN TRANSACTION" in sql))
        return found

    monkeypatch.setattr(store._jobs, "query", watched)
    release = manifest(2, *second)
    for each in second:
        store.build(everything, release, each)
    store.publish(release, second)

    assert {each[:2] for each in seen if not each[2]} == {((5, 5), (5, 5)), ((2, 2), (2, 2))}
    assert [each[:2] for each in seen if each[2]] == [((5, 5), (2, 2))]


@pytest.mark.parametrize("options", [{}, VIEW])
def test_a_switch_that_is_cut_off_before_its_moment_leaves_the_old_release(
    store, client, everything, output, options, monkeypatch
):
    one = publish(store, everything, 1, output(options=options))
    other, more = output(query=f"{QUERY} LIMIT 2", options=options), output(name="more")
    release = manifest(2, other, more)
    for each in (other, more):
        store.build(everything, release, each)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store._releases, "commit", die)
    with pytest.raises(KeyboardInterrupt):
        store.publish(release, [other, more])

    assert store.served() == one
    assert rows(client, "SELECT COUNT(*) FROM published.everything") == [(5,)]
    store.sweep(store.kept())
    assert store.drift(one) == []
    assert [each.table_id for each in client.list_tables("published")] == ["everything"]
    assert store.left_over() == []


@pytest.mark.parametrize("options", [{}, VIEW])
def test_a_switch_that_is_cut_off_after_its_moment_is_finished_by_the_next_run(
    store, client, everything, output, options, monkeypatch
):
    publish(store, everything, 1, output(options=options), output(name="less"))
    other = output(query=f"{QUERY} LIMIT 2", options=options)
    release = manifest(2, other)
    store.build(everything, release, other)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store._public, "settle", die)
        with pytest.raises(KeyboardInterrupt):
            store.publish(release, [other])

    assert store.served() == release
    assert rows(client, "SELECT COUNT(*) FROM published.everything") == [(2,)]
    store.sweep([release])
    assert store.drift(release) == []
    assert [each.table_id for each in client.list_tables("published")] == ["everything"]


def test_a_switch_that_is_cut_off_at_any_change_leaves_one_whole_release(
    store, client, everything, output, monkeypatch
):
    def outputs(count: int) -> list[Output]:
        fewer = f"SELECT id, word FROM everything WHERE id <= {count}"
        names = {"small": {}, "large": {"kind": "view"}, f"only_{count}": {}}
        return [output(fewer, o, name=n, columns=COLUMNS[:2]) for n, o in names.items()]

    counts = "SELECT (SELECT COUNT(*) FROM published.small), (SELECT COUNT(*) FROM published.large)"
    whole = {count: outputs(count) for count in (2, 3)}
    releases = {count: manifest(count, *each) for count, each in whole.items()}
    publish(store, everything, 3, *whole[3])
    publish(store, everything, 2, *whole[2])
    request, left = client._connection.api_request, 0

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= named.get("method") != "GET"
        if left < 0:
            raise KeyboardInterrupt
        return request(*arguments, **named)

    for changes in itertools.count():
        other = 5 - store.served().number
        left = changes
        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            patch.setattr(client._connection, "api_request", dying)
            store.publish(releases[other], whole[other])

        served = store.served().number
        assert rows(client, counts) == [(served, served)]
        # The next run has something new to publish, or only sweeps.
        if changes % 2:
            store.publish(releases[other], whole[other])
        store.sweep(releases.values())
        assert store.drift(store.served()) == []
        assert set(store._public.kinds()) == {"small", "large", f"only_{store.served().number}"}
        if left >= 0:
            break

    assert changes > 10


def test_a_release_that_another_run_overtook_is_not_published(
    store, everything, output, monkeypatch
):
    publish(store, everything, 1, output())
    mine, other = output(query=f"{QUERY} LIMIT 2"), output(query=f"{QUERY} LIMIT 3")
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
    "a column more": "SELECT *, upper(word) AS loud FROM everything",
    "a column less": "SELECT * EXCLUDE (small) FROM everything",
    "another type": "SELECT * REPLACE (CAST(id AS VARCHAR) AS id) FROM everything",
    "another order": "SELECT word, * EXCLUDE (word) FROM everything",
}


@pytest.mark.parametrize("options", [{"cluster_by": ["word"]}, VIEW])
@pytest.mark.parametrize("change", CHANGES)
def test_columns_may_change(store, everything, output, options, change):
    publish(store, everything, 1, output(options=options))
    everything.execute(
        f"CREATE TABLE changed AS SELECT * REPLACE (coalesce(words, []) AS words)"
        f" FROM ({CHANGES[change]})"
    )
    words = {each.name: each for each in COLUMNS}
    shape = everything.execute("DESCRIBE changed").fetchall()
    columns = tuple(
        replace(words.get(name, words["word"]), name=name, type=kind) for name, kind, *_ in shape
    )
    changed = output(query="SELECT * FROM changed", columns=columns, options=options)

    release = publish(store, everything, 2, changed)

    assert store.drift(release) == []


def test_a_run_with_nothing_new_does_nothing_in_any_store(store, everything, quiet, tmp_path):
    stores = [FilesStore(tmp_path / "files"), store]
    options = {"files": {}, "bigquery": {}}
    wishes = [Wish(table(query=QUERY), options, ABOUT)]
    first = release(everything, wishes, stores, {}, quiet)

    second = release(everything, wishes, stores, {}, quiet)

    assert second.plan.is_nothing
    assert [each.served() for each in stores] == [first.release, first.release]
    assert set(first.release.contents) > {"everything", "_releases", "_changes"}
    assert drifted(stores) == (first.release, [])


def test_all_stores_go_back_together(store, everything, quiet, tmp_path):
    stores = [FilesStore(tmp_path / "files"), store]
    options = {"files": {}, "bigquery": {}}
    first = release(everything, [Wish(table(query=QUERY), options, ABOUT)], stores, {}, quiet)
    fewer = Wish(table(query=f"{QUERY} WHERE id < 5"), options, ABOUT)
    release(everything, [fewer], stores, {}, quiet)

    back = rollback(everything, stores, quiet)

    assert back.release.digests["everything"] == first.release.digests["everything"]
    assert drifted(stores) == (back.release, [])


def test_a_kept_release_is_shown_again_with_no_row_loaded(store, everything, output):
    more = output(name="more")
    one = publish(store, everything, 1, output(), output(name="large", options=VIEW))
    fewer = f"{QUERY} LIMIT 2"
    two = publish(
        store,
        everything,
        2,
        output(query=fewer),
        output(name="large", query=fewer, options=VIEW),
        more,
    )
    everything.execute("DROP TABLE everything")

    store.switch(one)

    assert store.served() == one
    assert store.drift(one) == []
    assert [each.number for each in store.kept()] == [1]
    store.switch(two)
    assert store.served() == two
    assert store.drift(two) == []


def test_a_release_that_is_not_kept_is_not_shown(store, everything, output):
    one = publish(store, everything, 1, output())
    two = publish(store, everything, 2, output(query=f"{QUERY} LIMIT 2"))
    store.sweep([two])

    with pytest.raises(StoreUnusable):
        store.switch(one)
    with pytest.raises(StoreUnusable):
        store.switch(replace(two, reason="another"))

    assert store.served() == two
    assert store.drift(two) == []


def test_a_manifest_comes_back_with_all_that_was_before(store, everything, output):
    whole = output()
    one = publish(store, everything, 1, whole)
    two = Manifest(2, "2024-05-02", one.contents, one.remembered(), 'a "reason"\n\\ \U0001f600')

    store.publish(two, [whole])

    assert store.served() == two
    assert two.past == (Past(1, one.released_at, 1),)


def test_the_sweep_keeps_what_it_is_told_and_no_more(store, client, everything, output):
    made = [output(query=f"{QUERY} LIMIT {count}") for count in (1, 2, 3)]
    for number, each in enumerate(made, 1):
        publish(store, everything, number, each)
    unpublished = output(query=f"{QUERY} LIMIT 4")
    store.build(everything, manifest(4, unpublished), unpublished)
    client.query("CREATE TABLE published_store.mine AS SELECT 1 AS one").result()

    assert len(store.left_over()) == 1
    store.sweep(store.kept()[:2])

    assert [each.number for each in store.kept()] == [3, 2]
    assert store.left_over() == []
    verify(store, manifest(2, made[1]), made[1])
    assert "mine" in {each.table_id for each in client.list_tables("published_store")}
    for gone, number in ((made[0], 1), (unpublished, 4)):
        with pytest.raises(StoreUnusable):
            store.measure(manifest(number, gone), gone)


def test_an_empty_table_is_a_table(store, everything, output):
    release = publish(store, everything, 1, output(query=f"{QUERY} LIMIT 0"))

    assert store.drift(release) == []


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
    outputs = [output(name=name, options=VIEW if name.startswith("view") else {}) for name in DRIFT]
    release = publish(store, everything, 1, *outputs)

    for each in outputs:
        statement, _ = DRIFT[each.name]
        name, behind = f"published.{each.name}", store._place.behind(each)
        client.query(statement.format(name=name, behind=behind)).result()

    changed = f"SELECT * REPLACE (CASE id WHEN 1 THEN 'other' ELSE word END AS word) FROM ({QUERY})"
    found, wanted = output(query=changed).checksum, outputs[0].checksum
    lines = [f"{n}: {what.format(found=found, wanted=wanted)}" for n, (_, what) in DRIFT.items()]
    words = [f"view_rows: the description of column {each.name} was edited" for each in COLUMNS]
    assert store.drift(release) == [
        f"bigquery: {line}" for line in (*lines[:-1], *words, lines[-1])
    ]


def test_a_grant_that_was_revoked_is_named_and_comes_back_with_the_next_release(
    store, client, everything, output
):
    one = publish(store, everything, 1, output())
    for name in ("published", "published_store"):
        dataset = client.get_dataset(name)
        dataset.access_entries = [e for e in dataset.access_entries if e.role == "OWNER"]
        client.update_dataset(dataset, ["access_entries"])

    lines = store.drift(one)
    two = publish(store, everything, 2, output(query=f"{QUERY} LIMIT 2"))

    assert lines == [
        "bigquery: published: allAuthenticatedUsers may read it no more",
        "bigquery: published_store: the views of published may read it no more",
    ]
    assert store.drift(two) == []


def test_what_others_granted_and_labelled_stays(store, client, everything, output):
    from google.cloud.bigquery import AccessEntry

    options = [{}, VIEW]
    names = ["small", "large"]
    publish(
        store,
        everything,
        1,
        *(output(name=n, options=o) for n, o in zip(names, options, strict=True)),
    )
    dataset = client.get_dataset("published")
    theirs = AccessEntry("WRITER", "userByEmail", "ana@example.org")
    dataset.access_entries = [*dataset.access_entries, theirs]
    client.update_dataset(dataset, ["access_entries"])
    for name in names:
        policy = client.get_iam_policy(f"{PUBLISHED}.{name}")
        policy.bindings = [
            {"role": "roles/bigquery.dataViewer", "members": {"user:bo@example.org"}}
        ]
        client.set_iam_policy(f"{PUBLISHED}.{name}", policy)
        found = client.get_table(f"{PUBLISHED}.{name}")
        found.labels = {**found.labels, "team": "theirs"}
        client.update_table(found, ["labels"])

    fewer = f"{QUERY} WHERE id < 3"
    publish(
        store,
        everything,
        2,
        *(output(fewer, name=n, options=o) for n, o in zip(names, options, strict=True)),
    )

    assert theirs in client.get_dataset("published").access_entries
    for name in names:
        [binding] = client.get_iam_policy(f"{PUBLISHED}.{name}").bindings
        assert binding["members"] == {"user:bo@example.org"}
        assert client.get_table(f"{PUBLISHED}.{name}").labels["team"] == "theirs"


def test_a_named_list_of_readers_lets_nobody_else_in(client, everything, output, tmp_path):
    readers = (("groupByEmail", "readers@example.org"), ("domain", "example.org"))
    settings = BigQuery("oso-test", dataset="published", readers=readers)
    store = BigQueryStore(client, settings, tmp_path, lambda _: None)

    release = publish(store, everything, 1, output())

    found = [(e.entity_type, e.entity_id) for e in client.get_dataset("published").access_entries]
    assert set(readers) < set(found)
    assert EVERYBODY not in found
    assert store.drift(release) == []


def test_a_dataset_that_is_open_to_more_than_its_readers_is_refused(
    store, client, everything, output, tmp_path
):
    publish(store, everything, 1, output())
    settings = BigQuery("oso-test", dataset="published", readers=(("domain", "example.org"),))
    narrower = BigQueryStore(client, settings, tmp_path, lambda _: None)

    with pytest.raises(StoreUnusable, match="published: is open to allAuthenticatedUsers; take"):
        narrower.ready([output()])


def test_a_name_that_somebody_else_made_is_refused_and_stays(store, client, everything, output):
    client.create_dataset("published")
    client.query("CREATE TABLE published.everything AS SELECT 1 AS one").result()

    with pytest.raises(StoreUnusable, match="was made by somebody else; rename it"):
        store.ready([output()])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "view"}, "is served as a table, and a name cannot become a view"),
        (VIEW | {"partition_by": "word"}, "partition_by: word is no date or timestamp"),
        ({"cluster_by": ["words"]}, "cluster_by: words is a list; name another column"),
    ],
)
def test_options_that_cannot_be_are_one_clear_line(store, everything, output, options, words):
    publish(store, everything, 1, output())

    with pytest.raises(StoreUnusable, match=words) as caught:
        store.ready([output(options=options)])

    assert "\n" not in str(caught.value)


def test_a_dataset_whose_tables_expire_is_refused(store, client, output):
    from google.cloud.bigquery import Dataset

    dataset = Dataset("oso-test.published_store")
    dataset.default_table_expiration_ms = 60 * 86_400_000
    client.create_dataset(dataset)

    with pytest.raises(StoreUnusable, match="lets its tables expire after 60 days"):
        store.ready([output()])


def test_long_descriptions_are_kept_as_far_as_bigquery_keeps_them(
    store, client, everything, output
):
    columns = (replace(COLUMNS[0], description="long " * 400), *COLUMNS[1:])

    release = publish(store, everything, 1, output(columns=columns))

    found = client.get_table(f"{PUBLISHED}.everything").schema[0].description
    assert len(found) == 1024
    assert store.drift(release) == []
