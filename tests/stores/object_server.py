"""An S3 on this machine, and what can stand in front of it: faults, and the words of Google's store."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

BUCKET = "oso-releases"
SERVER = ["-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p"]
KEYS = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
SIGNED = "AWS4-HMAC-SHA256 Credential=me/20240501/us-east-1/s3/aws4_request"
REFUSED = "<Error><Code>{}</Code><Message>{}</Message></Error>"


@contextmanager
def serving_objects() -> Iterator[int]:
    """Run an S3 with one bucket, and give its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, *SERVER, str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet, env={**os.environ, **KEYS}) as process:
        try:
            _wait(port)
            assert asked(port, "PUT", f"/{BUCKET}")[0] == 200
            yield port
        finally:
            process.kill()


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.02)


def asked(
    port: int,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path, body, headers or {})
    found = connection.getresponse()
    answer = found.status, found.getheaders(), found.read()
    connection.close()
    return answer


class Front(BaseHTTPRequestHandler):
    """Passes on what it is asked; `fault` may take a request instead, and then says so."""

    protocol_version = "HTTP/1.1"
    port: int
    fault: Callable[[Front], bool]
    seen: list[tuple[str, str, str | None]]
    written: dict[str, tuple[int, str]]
    count: int

    def answer(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, self.headers["x-amz-copy-source"]))
        if not type(self).fault(self):
            self.pass_on()

    def pass_on(self) -> None:
        headers = dict(self.headers.items())
        self.reply(*asked(self.port, self.command, self.path, self.body, headers))

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        left_out = ("content-length", "connection", "date", "server", "transfer-encoding")
        length = dict(headers).get("Content-Length") if self.command == "HEAD" else len(body)
        for name, value in [e for e in headers if e[0].lower() not in left_out]:
            self.send_header(name, value)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, code: str, message: str) -> None:
        self.reply(status, [], REFUSED.format(code, message).encode())

    def pass_on_and_answer(self, status: int) -> None:
        """Do what is asked, and say that it was not done."""
        asked(self.port, self.command, self.path, self.body, dict(self.headers.items()))
        self.refuse(status, "SlowDown", "Please try again")

    def cut(self) -> None:
        """End the connection in mid-answer."""
        status, headers, body = asked(
            self.port, self.command, self.path, self.body, dict(self.headers.items())
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", dict(headers).get("ETag", ""))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 (the server's own names)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def in_front(port: int, kind: type[Front] = Front) -> Iterator[type[Front]]:
    """Put a server in front of the one at ``port``; its own port is `at`."""
    facts = {"port": port, "fault": lambda _: False, "seen": [], "written": {}, "count": 0}
    made = type("Made", (kind,), facts)
    with ThreadingHTTPServer(("127.0.0.1", 0), made) as server:
        server.daemon_threads = True
        made.at = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


class Google(Front):
    """Says in S3's words what Google's client asks, and back; the registries have no server for its XML.

    Google's store counts the writes of an object, its generation, and puts under the condition of one.
    """

    def answer(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, mark, query = self.path.partition("?")
        path = quote(unquote(path))
        if self.command == "DELETE" and path not in self.written:
            self.refuse(404, "NoSuchKey", "The specified key does not exist.")
            return
        target = f"{path}{mark}{query}"
        status, headers, body = asked(
            self.port, self.command, target, self.body, self._headers(path)
        )
        if self.command == "PUT" and status == 200:
            type(self).count += 1
            self.written[path] = (self.count, dict(headers).get("ETag", ""))
        if self.command == "DELETE":
            self.written.pop(path)
        generation = str(self.written.get(path, (0, ""))[0])
        self.reply(status, [*headers, ("x-goog-generation", generation)], body)

    def _headers(self, path: str) -> dict[str, str]:
        headers = {k.lower(): v for k, v in self.headers.items()} | {"authorization": SIGNED}
        if source := headers.pop("x-goog-copy-source", None):
            headers["x-amz-copy-source"] = quote(unquote(source))
        wanted = headers.pop("x-goog-if-generation-match", None)
        if wanted == "0":
            headers["if-none-match"] = "*"
        elif wanted is not None:
            generation, tag = self.written.get(path, (0, ""))
            headers["if-match"] = tag if wanted == str(generation) else '"another"'
        return headers

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 (the server's own names)
