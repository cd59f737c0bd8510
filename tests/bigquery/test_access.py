"""Who may read what is published in BigQuery: over Google's own client, on the emulator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oso_processors.bigquery import EVERYBODY
from oso_processors.errors import StoreUnusable
from tests.bigquery.publishing import FEWER, NARROW, PUBLISHED, VIEW
from tests.stores.conftest import COLUMNS, publish

pytestmark = pytest.mark.bigquery


def test_a_grant_that_was_revoked_is_named_and_comes_back_with_the_next_release(
    store, client, everything, output
):
    one = publish(store, everything, 1, output(**NARROW))
    for name in ("published", "published_store"):
        dataset = client.get_dataset(name)
        dataset.access_entries = [e for e in dataset.access_entries if e.role == "OWNER"]
        client.update_dataset(dataset, ["access_entries"])

    lines = store.drift(one)
    two = publish(
        store,
        everything,
        2,
        output(query="SELECT id, word FROM everything LIMIT 2", columns=COLUMNS[:2]),
    )

    assert lines == [
        "bigquery: published: allAuthenticatedUsers may read it no more",
        "bigquery: published_store: the views of published may read it no more",
    ]
    assert store.drift(two) == []


def test_what_others_granted_and_labelled_stays(store, client, everything, output):
    from google.cloud.bigquery import AccessEntry

    kinds: dict[str, dict[str, object]] = {"small": {}, "large": VIEW}
    publish(store, everything, 1, *(output(kind, name=name) for name, kind in kinds.items()))
    view = {"projectId": "oso-test", "datasetId": "theirs", "tableId": "authorized"}
    theirs = [
        AccessEntry("WRITER", "userByEmail", "ana@example.org"),
        AccessEntry(None, "view", view),
    ]
    dataset = client.get_dataset("published")
    dataset.access_entries = [*dataset.access_entries, *theirs]
    client.update_dataset(dataset, ["access_entries"])
    bindings = [{"role": "roles/bigquery.dataViewer", "members": {"user:bo@example.org"}}]
    for name in kinds:
        policy = client.get_iam_policy(f"{PUBLISHED}.{name}")
        policy.bindings = bindings
        client.set_iam_policy(f"{PUBLISHED}.{name}", policy)
        found = client.get_table(f"{PUBLISHED}.{name}")
        found.labels = {**found.labels, "team": "theirs"}
        client.update_table(found, ["labels"])

    less = {
        "query": "SELECT * EXCLUDE (small) FROM everything",
        "columns": (*COLUMNS[:3], *COLUMNS[4:]),
    }
    publish(store, everything, 2, *(output(kind, name=n, **less) for n, kind in kinds.items()))

    entries = client.get_dataset("published").access_entries
    assert [each for each in entries if each in theirs] == theirs
    for name in kinds:
        assert client.get_iam_policy(f"{PUBLISHED}.{name}").bindings == bindings
        assert client.get_table(f"{PUBLISHED}.{name}").labels["team"] == "theirs"


def test_what_keeps_readers_from_rows_is_never_lost(store, client, everything, output):
    more = {"query": "SELECT *, id AS more FROM everything"}
    more["columns"] = (*COLUMNS, replace(COLUMNS[0], name="more"))
    less = {
        "query": "SELECT * EXCLUDE (small) FROM everything",
        "columns": (*COLUMNS[:3], *COLUMNS[4:]),
    }
    one = publish(store, everything, 1, output(), output(VIEW, name="large"))
    behind = store._place.behind(one.outputs()[1])
    policy = "CREATE ROW ACCESS POLICY few ON `{}` GRANT TO ('allAuthenticatedUsers') FILTER USING (TRUE)"
    for name in (f"{PUBLISHED}.everything", behind):
        client.query(policy.format(name)).result()

    for outputs in (
        [output(**less), output(VIEW, name="large")],
        [output(), output(VIEW, name="large", query=FEWER)],
        [output(VIEW, name="large")],
    ):
        with pytest.raises(StoreUnusable, match="would lose row access policy few, and readers"):
            store.ready(outputs)
    publish(store, everything, 2, output(**more), output(VIEW, name="large"))

    found = client.get_table(f"{PUBLISHED}.everything")
    assert store._jobs.row_policies(found) == ["few"]
    assert [each.name for each in found.schema][-1] == "more"


def test_a_named_list_of_readers_lets_nobody_else_in(store_for, client, everything, output):
    readers = (("groupByEmail", "readers@example.org"), ("domain", "example.org"))
    named = store_for(*readers)

    whole = publish(named, everything, 1, output(**NARROW))

    found = [(e.entity_type, e.entity_id) for e in client.get_dataset("published").access_entries]
    assert set(readers) < set(found)
    assert EVERYBODY not in found
    assert named.drift(whole) == []
    publish(store_for(EVERYBODY), everything, 2, output(**NARROW))
    with pytest.raises(StoreUnusable, match="published: is open to allAuthenticatedUsers; take"):
        named.ready([output(**NARROW)])
