"""A server in front of the emulator that refuses: readers keep one whole release, and the next run goes on."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from oso_processors.bigquery import EVERYBODY, BigQuery
from oso_processors.errors import StoreUnusable
from tests.stores.conftest import COLUMNS, manifest

pytestmark = pytest.mark.bigquery

COUNTS = "SELECT (SELECT COUNT(*) FROM published.small), (SELECT COUNT(*) FROM published.large)"
# What is answered, and from which change of a release on: loads, words, views, the transaction, labels.
FAULTS = [
    (403, "accessDenied", 0),
    (409, "conflict", 2),
    (412, "conditionNotMet", 4),
    (429, "rateLimitExceeded", 6),
    (500, "internalError", 7),
    (0, "no answer at all", 9),
]


class Between(BaseHTTPRequestHandler):
    """Passes on what it is asked, until as many changes as it lets through were made."""

    port: int
    left: int | None
    fault: tuple[int, str]

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command != "GET" and self.is_over():
            self.refuse()
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {name: value for name, value in self.headers.items() if name != "Accept-Encoding"}
        upstream.request(self.command, self.path, body, headers)
        found = upstream.getresponse()
        self.reply(found.status, found.read(), found.getheader("Location"))
        upstream.close()

    def is_over(self) -> bool:
        kind = type(self)
        if kind.left is None:
            return False
        kind.left -= 1
        return kind.left < 0

    def refuse(self) -> None:
        code, reason = self.fault
        errors = [{"message": "Refused", "domain": "global", "reason": reason}]
        error = {"code": code, "message": "Refused", "errors": errors}
        if code:
            self.reply(code, json.dumps({"error": error}).encode(), None)

    def reply(self, status: int, body: bytes, location: str | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 (the server's own names)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def between(emulator: Any) -> Iterator[Any]:
    """A server in front of the emulator, and where it answers."""
    port = int(emulator.endpoint.rpartition(":")[2])
    handler: Any = type("Handler", (Between,), {"port": port, "left": None})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        handler.endpoint = f"http://127.0.0.1:{server.server_port}"
        yield handler
        server.shutdown()
        thread.join()


def test_whatever_bigquery_answers_readers_see_one_whole_release(
    emulator, between, client, everything, output, tmp_path
):
    from oso_processors.stores.bigquery import BigQueryStore

    reached = replace(emulator, endpoint=between.endpoint).client()
    settings = BigQuery("oso-test", dataset="published", readers=(EVERYBODY,))
    store = BigQueryStore(reached, settings, tmp_path, lambda _: None, patience=4.0)

    def publish(number: int) -> None:
        query = f"SELECT range AS id, 'word' AS word FROM range({number})"
        kinds: dict[str, dict[str, object]] = {"small": {}, "large": {"kind": "view"}}
        outputs = [output(k, name=n, query=query, columns=COLUMNS[:2]) for n, k in kinds.items()]
        store.ready(outputs)
        for each in outputs:
            store.build(everything, manifest(number, *outputs), each)
        store.publish(manifest(number, *outputs), outputs)
        store.sweep(store.kept())

    def seen() -> tuple[int, int]:
        [found] = client.query(COUNTS).result()
        return tuple(found)

    publish(1)
    before = seen()
    # Each has another release, so that each has as many changes to make.
    for number, (code, reason, changes) in enumerate(FAULTS, 2):
        between.left, between.fault = changes, (code, reason)
        with pytest.raises(StoreUnusable) as caught:
            publish(number)
        between.left = None
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 5
        assert seen() in {before, (number, number)}
        before = seen()

    publish(9)

    assert seen() == (9, 9)
    assert store.drift(store.served()) == []
    assert store.left_over() == []
    reached.close()
