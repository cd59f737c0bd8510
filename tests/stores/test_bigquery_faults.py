"""What BigQuery refuses, loses or never answers: told to Google's real client by a local server."""

from __future__ import annotations

import json

import pytest

from oso_processors.bigquery import BigQuery
from oso_processors.errors import ReleaseUnreadable, StoreUnusable
from oso_processors.stores import Manifest

from .conftest import manifest
from .scripted_bigquery import (
    BUSY,
    NOTHING,
    ROWS,
    SILENCE,
    failed,
)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            failed(403, "accessDenied", "Access Denied: Table oso-test:published_store._releases"),
            "403 Access Denied: Table oso-test:published_store._releases;"
            " make the account Data Owner of both datasets and Job User of the project",
        ),
        (
            failed(403, "quotaExceeded", "Quota exceeded: too many requests"),
            "403 Quota exceeded: too many requests; wait for the quota and run again",
        ),
        (
            failed(429, "rateLimitExceeded", "Exceeded rate limits"),
            "429 Exceeded rate limits; wait a minute and run again",
        ),
        (
            failed(500, "internalError", "An internal error\noccurred"),
            "500 An internal error; Google's side fails, run again later",
        ),
        (BUSY, "503 The service is busy; Google's side fails, run again later"),
        (
            failed(412, "conditionNotMet", "Precondition Failed"),
            "412 Precondition Failed; somebody changed it meanwhile, run again",
        ),
        (
            failed(409, "conflict", "Transaction is aborted due to concurrent update"),
            "409 Transaction is aborted due to concurrent update; run again",
        ),
        (
            failed(400, "invalid", "Invalid project"),
            "400 Invalid project; mend that, and run again",
        ),
    ],
)
def test_what_bigquery_refuses_is_one_line_with_what_to_do(store_of, answer, line):
    store = store_of({ROWS: [answer]})

    with pytest.raises(StoreUnusable) as caught:
        store.served()

    place = "oso-test.published_store._releases"
    assert str(caught.value) == f"bigquery: {place}: {line}; what was published before stays"
    assert caught.value.exit_code == 5


def test_what_passes_is_tried_again(store_of, asked):
    store = store_of({ROWS: [BUSY, NOTHING]}, patience=20)

    assert store.served() is None

    assert [what for what, _ in asked] == [ROWS, ROWS]


def test_a_server_that_never_answers_is_one_line(store_of):
    store = store_of({ROWS: [SILENCE]}, patience=0.5)

    with pytest.raises(StoreUnusable) as caught:
        store.served()

    assert "see that Google can be reached, and run again" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_one_line(tmp_path):
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    from oso_processors.stores.bigquery import BigQueryStore

    options = {"api_endpoint": "http://127.0.0.1:1"}
    client = Client("oso-test", AnonymousCredentials(), client_options=options)
    settings = BigQuery("oso-test", dataset="published")
    store = BigQueryStore(client, settings, tmp_path, lambda _: None, patience=0.5)

    with pytest.raises(StoreUnusable) as caught:
        store.served()

    assert "see that Google can be reached, and run again" in str(caught.value)
    assert "\n" not in str(caught.value)
    store.close()


def test_a_release_that_cannot_be_read_is_one_line(store_of):
    cells = ["7", "abc", '{"number": 7}', "{}", "true", "true"]
    row = {"f": [{"v": each} for each in cells]}
    store = store_of({ROWS: [(200, {**NOTHING[1], "totalRows": "1", "rows": [row]})]})

    with pytest.raises(ReleaseUnreadable) as caught:
        store.served()

    assert str(caught.value) == (
        "bigquery: _releases: cannot be read: abc: 'contents'; what was published before stays"
    )


def test_an_answer_that_was_lost_may_have_been_that_the_release_is_served(store_of, output):
    from oso_processors.stores.bigquery_releases import token_of

    release: Manifest = manifest(7, output())
    cells = ["7", token_of(release), json.dumps(release.body()), "{}", "true", "true"]
    row = {"f": [{"v": each} for each in cells]}
    store = store_of({ROWS: [(200, {**NOTHING[1], "totalRows": "1", "rows": [row]})]})

    store._releases.commit(release, {}, None, [])

    assert store.served() == release
