"""Who may read what is published in BigQuery, and what of that is kept or refused."""

from __future__ import annotations

import json

import pytest

from oso_processors.bigquery import EVERYBODY
from oso_processors.errors import StoreUnusable

from .scripted_bigquery import (
    OPEN,
    PROJECT,
    PUBLIC,
    SEEN,
    STORE,
    dataset,
    failed,
    job,
)

QUERY = {
    f"POST {PROJECT}/jobs": [(200, {**job()[1], "configuration": {"query": {"query": "…"}}})],
    f"GET {PROJECT}/queries/theirs": [
        (200, {"jobComplete": True, "jobReference": job()[1]["jobReference"], "totalRows": "0"})
    ],
}


def test_grants_that_somebody_changed_meanwhile_are_read_again_and_kept(store_of, asked):
    from oso_processors.stores import bigquery_access
    from oso_processors.stores.bigquery_shape import Place

    everybody = {"role": "READER", "specialGroup": "allAuthenticatedUsers"}
    first = {"role": "OWNER", "specialGroup": "projectOwners"}
    theirs = {"role": "READER", "userByEmail": "ana@example.org"}
    views = {"projectId": "oso-test", "datasetId": "published"}
    place = f"{PROJECT}/datasets/published"
    store = store_of(
        {
            f"POST {PROJECT}/datasets": [failed(409, "duplicate", "Already Exists: Dataset")],
            f"GET {place}": [
                dataset("published", first),
                dataset("published", first),
                dataset("published", first, theirs),
                dataset("published", first, theirs, everybody),
            ],
            f"PATCH {place}": [failed(412, "conditionNotMet", "Changed"), dataset("published")],
            f"GET {STORE}": [
                dataset(
                    "published_store", {"dataset": {"dataset": views, "targetTypes": ["VIEWS"]}}
                )
            ],
        }
    )

    bigquery_access.grant(store._jobs, Place("oso-test", "published"), "US", (EVERYBODY,))

    sent = [json.loads(body)["access"] for what, body in asked if what == f"PATCH {place}"]
    assert sent == [[first, everybody], [first, theirs, everybody]]


@pytest.mark.parametrize(
    ("which", "more", "words"),
    [
        (STORE, {"defaultTableExpirationMs": "86400000"}, "lets its tables expire after 1 days"),
        (STORE, {"defaultPartitionExpirationMs": "86400000"}, "lets its partitions expire after 1"),
        (STORE, {"location": "EU"}, "lies in EU and not in US; set OSO_BIGQUERY_LOCATION"),
        (STORE, {"access": [OPEN]}, "is open to allAuthenticatedUsers; take that away;"),
        (STORE, {"access": [PUBLIC]}, "is open to allUsers; take that away;"),
        (
            SEEN,
            {"access": [PUBLIC]},
            "is open to allUsers; take that away, or let OSO_BIGQUERY_READERS name"
            " allAuthenticatedUsers;",
        ),
    ],
)
def test_a_dataset_that_is_too_open_or_loses_its_tables_is_refused(store_of, which, more, words):
    status, body = dataset(which.rpartition("/")[2])
    store = store_of({f"GET {which}": [(status, body | more)]}, readers=[("domain", "d.org")])

    with pytest.raises(StoreUnusable, match=words) as caught:
        store.ready([])

    assert "\n" not in str(caught.value)


def test_grants_that_are_lost_when_a_name_is_made_anew_are_put_back(store_of, asked):
    place = f"POST {PROJECT}/datasets/published/tables/t"
    theirs = {"role": "roles/bigquery.dataViewer", "members": ["user:ana@example.org"]}
    store = store_of(
        {
            f"{place}:getIamPolicy": [(200, {"bindings": [theirs]}), (200, {"etag": "2"})],
            f"{place}:setIamPolicy": [(200, {})],
            **QUERY,
        }
    )

    store._public._replace("oso-test.published.t", "CREATE OR REPLACE VIEW …")

    [sent] = [json.loads(body) for what, body in asked if what == f"{place}:setIamPolicy"]
    assert sent == {"policy": {"bindings": [theirs], "etag": "2"}}


@pytest.mark.parametrize(
    ("policies", "column", "guards"),
    [
        ({}, {}, []),
        (
            {"rowAccessPolicies": [{"rowAccessPolicyReference": {"policyId": "few"}}]},
            {},
            ["row access policy few"],
        ),
        ({}, {"policyTags": {"names": ["projects/p/…/secret"]}}, ["the policy of column id"]),
        ({}, {"policyTags": {"names": []}}, []),
    ],
)
def test_what_keeps_readers_from_rows_and_columns_is_found(store_of, policies, column, guards):
    from google.cloud.bigquery import SchemaField, Table

    from oso_processors.stores import bigquery_access

    place = f"{PROJECT}/datasets/published/tables/t"
    store = store_of({f"GET {place}/rowAccessPolicies": [(200, policies)]})
    fields = [SchemaField.from_api_repr({"name": "id", "type": "INTEGER", **column})]

    found = bigquery_access.guards(store._jobs, Table("oso-test.published.t", fields))

    assert found == guards
