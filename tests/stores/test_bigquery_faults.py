"""What BigQuery refuses, loses or never answers: told to Google's real client by a local server."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from oso_processors.bigquery import EVERYBODY, BigQuery, Reader
from oso_processors.errors import ReleaseUnreadable, StoreUnusable
from oso_processors.release.measure import Wish, measured
from oso_processors.stores import Manifest

from .conftest import manifest, table

PROJECT = "/bigquery/v2/projects/oso-test"
STORE = f"{PROJECT}/datasets/published_store"
SEEN = f"{PROJECT}/datasets/published"
OPEN = {"role": "READER", "specialGroup": "allAuthenticatedUsers"}
PUBLIC = {"role": "roles/bigquery.dataViewer", "iamMember": "allUsers"}
ROWS = f"GET {STORE}/tables/_releases/data"
UPLOAD = "POST /upload/bigquery/v2/projects/oso-test/jobs"
SESSION = "/upload/session"
NAME = re.compile(r'"jobId": ?"([^"]+)"')

Answer = tuple[int, Any]


def failed(code: int, reason: str, message: str) -> Answer:
    """Return an error as Google's APIs say it."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return code, {"error": {"code": code, "message": message, "errors": errors}}


NOTHING: Answer = 200, {"kind": "bigquery#tableDataList", "totalRows": "0", "rows": []}
MISSING = failed(404, "notFound", "Not found")
BUSY = failed(503, "backendError", "The service is busy")
SILENCE: Answer = 0, None


class Scripted(BaseHTTPRequestHandler):
    """Answers a request with the next of its answers, the last of them again and again.

    It keeps what it was asked; what nobody wrote an answer for is not found.
    """

    answers: dict[str, list[Answer]]
    asked: list[tuple[str, str]]

    def answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        what = f"{self.command} {self.path.partition('?')[0]}"
        self.asked.append((what, content.decode(errors="replace")))
        left = self.answers.get(what, [MISSING])
        status, body = left.pop(0) if len(left) > 1 else left[0]
        if not status:
            time.sleep(1.5)
            return
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        # Where an upload goes on.
        self.send_header("Location", f"http://{self.headers['Host']}{SESSION}")
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 (the server's own names)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def asked() -> list[tuple[str, str]]:
    """What the server was asked: the request, and its body."""
    return []


@pytest.fixture
def store_of(asked: list[tuple[str, str]], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes a store on a server with these answers; it waits a second for what may pass."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    from oso_processors.stores.bigquery import BigQueryStore

    handler: Any = type("Handler", (Scripted,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        client = Client(
            project="oso-test",
            location="US",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": f"http://127.0.0.1:{server.server_port}"},
        )

        def make(
            answers: dict[str, list[Answer]],
            patience: float = 1.0,
            readers: Sequence[Reader] = (EVERYBODY,),
        ) -> BigQueryStore:
            handler.answers = answers
            settings = BigQuery("oso-test", dataset="published", readers=tuple(readers))
            return BigQueryStore(client, settings, tmp_path / "uploads", lambda _: None, patience)

        yield make
        client.close()
        server.shutdown()
        thread.join()


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


# Loading.


@pytest.fixture
def output(warehouse):
    """A table with a row, to be loaded."""
    warehouse.execute("CREATE TABLE one AS SELECT 1::BIGINT AS id")
    columns = table().columns[:1]
    wish = Wish(table(query="SELECT id FROM one", columns=columns), {"bigquery": {}}, {})
    return measured(warehouse, wish)


def job(state: str = "DONE", reason: str | None = None) -> Answer:
    status: dict[str, Any] = {"state": state}
    if reason:
        status["errorResult"] = {"reason": reason, "message": "It failed"}
    reference = {"projectId": "oso-test", "jobId": "theirs", "location": "US"}
    return 200, {
        "jobReference": reference,
        "status": status,
        "configuration": {"load": {"destinationTable": {}}},
        "statistics": {"load": {"outputRows": "1"}},
    }


def built(store: Any, warehouse: Any, output: Any) -> Any:
    store.build(warehouse, manifest(7, output), output)


def places(output: Any, attempt: int = 0) -> tuple[str, str]:
    """Return the requests for the table, and for the job that loads it."""
    name = f"everything__{output.digest[:12]}"
    return f"{STORE}/tables/{name}", f"GET {PROJECT}/jobs/oso_published_{name}_r7_{attempt}"


def there(output: Any) -> Answer:
    reference = {"projectId": "oso-test", "datasetId": "published_store", "tableId": "t"}
    labels = {"made_by": "oso_processors", "release": "r7"}
    schema = {"fields": [{"name": "id", "type": "INTEGER", "description": "The grain."}]}
    body = {"tableReference": reference, "type": "TABLE", "numRows": "1", "schema": schema}
    return 200, {**body, "labels": labels, "description": output.table.description}


def uploads(asked: list[tuple[str, str]]) -> list[str]:
    """Return the names of the jobs that were sent with a file."""
    return [NAME.findall(body)[0] for what, body in asked if what == UPLOAD and NAME.search(body)]


def dataset(name: str, *access: dict[str, Any]) -> Answer:
    reference = {"projectId": "oso-test", "datasetId": name}
    return 200, {"datasetReference": reference, "access": list(access), "etag": "1"}


QUERY = {
    f"POST {PROJECT}/jobs": [(200, {**job()[1], "configuration": {"query": {"query": "…"}}})],
    f"GET {PROJECT}/queries/theirs": [
        (200, {"jobComplete": True, "jobReference": job()[1]["jobReference"], "totalRows": "0"})
    ],
}
DATASET = {f"GET {STORE}": [dataset("published_store")]}


def test_a_run_after_a_crash_finds_the_job_of_the_one_before(store_of, asked, warehouse, output):
    name, found = places(output)
    answers = {f"GET {name}": [MISSING, there(output)], found: [job()]}

    built(store_of(DATASET | answers), warehouse, output)

    assert UPLOAD not in {what for what, _ in asked}


def test_a_job_that_is_there_already_is_asked_how_it_ended(store_of, asked, warehouse, output):
    name, found = places(output)
    conflict = failed(409, "duplicate", "Already Exists: Job")
    answers = {
        f"GET {name}": [MISSING, there(output)],
        found: [MISSING, job()],
        UPLOAD: [conflict],
    }

    built(store_of(DATASET | answers), warehouse, output)

    assert [what for what, _ in asked].count(found) == 2


def test_a_job_whose_table_is_gone_is_followed_by_another(store_of, asked, warehouse, output):
    name, found = places(output)
    _, second = places(output, 1)
    answers = {
        f"GET {name}": [MISSING, MISSING, there(output)],
        found: [job()],
        second: [MISSING, job()],
        UPLOAD: [failed(409, "duplicate", "Already Exists: Job")],
    }

    built(store_of(DATASET | answers), warehouse, output)

    assert second in {what for what, _ in asked}


def test_a_job_that_fails_for_a_moment_is_followed_by_another(store_of, asked, warehouse, output):
    name, first = places(output)
    _, second = places(output, 1)
    answers = {
        f"GET {name}": [MISSING, there(output)],
        first: [MISSING],
        second: [MISSING],
        UPLOAD: [(200, {})],
        f"PUT {SESSION}": [job(reason="backendError"), job()],
    }

    built(store_of(DATASET | answers), warehouse, output)

    assert uploads(asked) == [each.rpartition("/")[2] for each in (first, second)]


def test_an_upload_that_is_cut_off_is_one_line_and_leaves_no_file(
    store_of, warehouse, output, tmp_path
):
    name, found = places(output)
    answers = {f"GET {name}": [MISSING], found: [MISSING], UPLOAD: [SILENCE]}

    with pytest.raises(StoreUnusable, match="see that Google can be reached") as caught:
        built(store_of(DATASET | answers, patience=0.5), warehouse, output)

    assert "\n" not in str(caught.value)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_job_that_fails_for_good_is_one_line_and_leaves_no_file(
    store_of, warehouse, output, tmp_path
):
    name, found = places(output)
    answers = {
        f"GET {name}": [MISSING],
        found: [MISSING],
        UPLOAD: [(200, {})],
        f"PUT {SESSION}": [job(reason="invalid")],
    }

    with pytest.raises(StoreUnusable, match="everything: 400 It failed; mend that, and run again"):
        built(store_of(DATASET | answers), warehouse, output)

    assert list((tmp_path / "uploads").iterdir()) == []


# Who may read.


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


def test_an_answer_that_was_lost_may_have_been_that_the_release_is_served(store_of, output):
    from oso_processors.stores.bigquery_releases import token_of

    release: Manifest = manifest(7, output)
    cells = ["7", token_of(release), json.dumps(release.body()), "{}", "true", "true"]
    row = {"f": [{"v": each} for each in cells]}
    store = store_of({ROWS: [(200, {**NOTHING[1], "totalRows": "1", "rows": [row]})]})

    store._releases.commit(release, {}, None, [])

    assert store.served() == release
