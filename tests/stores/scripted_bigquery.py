"""A local server that gives Google's real client the answers that a test wrote for it."""

from __future__ import annotations

import json
import re
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

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


def dataset(name: str, *access: dict[str, Any]) -> Answer:
    reference = {"projectId": "oso-test", "datasetId": name}
    return 200, {"datasetReference": reference, "access": list(access), "etag": "1"}
