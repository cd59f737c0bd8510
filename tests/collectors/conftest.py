"""Git repositories of known content, and a web server that can fail in every way."""

from __future__ import annotations

import hashlib
import http.server
import os
import re
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.collectors.hours import packed

NOON = "2024-05-01T12:00:00+0200"
ANA = ("Ana", "Ana@Example.org ")
BO = ("Bo", "123+bo-dev@users.noreply.github.com")


@dataclass(frozen=True)
class Repository:
    """A repository with a work tree at `path`."""

    path: Path

    def git(self, *arguments, author=ANA, at=NOON, committed=None, stdin=None):
        """Return what git says; commits are made by ``author`` at that time."""
        environment = {
            **os.environ,
            "GIT_AUTHOR_NAME": author[0],
            "GIT_AUTHOR_EMAIL": author[1],
            "GIT_AUTHOR_DATE": at,
            "GIT_COMMITTER_NAME": "Committer",
            "GIT_COMMITTER_EMAIL": "committer@example.org",
            "GIT_COMMITTER_DATE": committed or at,
        }
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            check=True,
            capture_output=True,
            env=environment,
            input=stdin,
        )
        return done.stdout.decode(errors="replace").strip()

    def commit(self, files=None, **who):
        """Write ``files``, commit, and return the commit's hash."""
        for name, content in (files or {}).items():
            (self.path / name).write_bytes(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change", **who)
        return self.git("rev-parse", "HEAD")

    def raw_commit(self, author):
        """Write a commit byte by byte, as a tool less strict than git would; return its hash."""
        tree = self.git("write-tree").encode()
        content = b"tree %b\nauthor %b\ncommitter %b\n\nm" % (tree, author, author)
        arguments = ("hash-object", "-t", "commit", "-w", "--literally", "--stdin")
        sha = self.git(*arguments, stdin=content)
        self.git("update-ref", "refs/heads/main", sha)
        return sha


@pytest.fixture
def new_repository(monkeypatch, tmp_path) -> Callable[[Path], Repository]:
    """Make an empty repository at a path; nobody's own git settings change what it does."""
    settings = tmp_path / "no-settings"
    settings.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))

    def make(path: Path) -> Repository:
        path.mkdir(parents=True)
        repository = Repository(path)
        repository.git("init", "--quiet", "--initial-branch=main")
        return repository

    return make


@pytest.fixture
def known_history(new_repository) -> Callable[[Path], tuple[Repository, dict[str, str]]]:
    """Make a history with a root, a binary file, a rename, a merge and a .mailmap, hashes by name."""

    def make(path: Path) -> tuple[Repository, dict[str, str]]:
        made = new_repository(path)
        shas = {"root": made.commit({"a.txt": b"one\ntwo\n", "b.txt": b"x\n"})}
        made.git("switch", "--quiet", "--create", "side")
        changed = {"picture": b"\0\1\2", "a.txt": b"one\n"}
        shas["side"] = made.commit(changed, author=BO, committed="2024-05-03T00:00:00Z")
        made.git("switch", "--quiet", "main")
        # A rename counts as a file taken away and one added.
        (made.path / "b.txt").rename(made.path / "c.txt")
        shas["rename"] = made.commit(at="2024-05-02T23:30:00-0330")
        made.git("merge", "--quiet", "--no-ff", "-m", "merge", "side", at="2024-05-04T00:00:00Z")
        shas["merge"] = made.git("rev-parse", "HEAD")
        names = b"Ana Maria <ana.maria@example.org> <ana@example.org>\n"
        shas["mailmap"] = made.commit({".mailmap": names}, at="2024-05-05T00:00:00Z")
        return made, shas

    return make


@dataclass(frozen=True)
class Fault:
    """What a server does wrong once.

    With `status` it sends that and no file; else it sends the file, but ends the connection after
    `cut` bytes, or says that it is `length` bytes long, or waits before the last byte.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    length: int | None = None
    pause: float = 0


@dataclass
class Website:
    """A web server: `files` by path, and `faults` by path, one for each request until none is left."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: defaultdict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    has_ranges: bool = True
    tag: Callable[[bytes], str] = lambda content: f'"{hashlib.sha256(content).hexdigest()}"'
    requests: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)

    def ranges(self) -> list[str | None]:
        """Return what part each request asked for."""
        return [headers.get("Range") for _, _, headers in self.requests]


class _Handler(http.server.BaseHTTPRequestHandler):
    website: Website

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.website.requests.append((self.command, self.path, dict(self.headers)))
        faults = self.website.faults[self.path]
        fault = faults.pop(0) if faults else Fault()
        content = self.website.files.get(self.path)
        if fault.status is not None or content is None:
            self._head(fault.status or 404, {"Content-Length": "0", **fault.headers})
        else:
            self._send(content, fault)

    def _send(self, content: bytes, fault: Fault) -> None:
        tag = self.website.tag(content)
        status, body, headers = 200, content, {"ETag": tag} if tag else {}
        if (start := self._start(tag)) is not None:
            if start >= len(content):
                self._head(416, {"Content-Length": "0", "Content-Range": f"bytes */{len(content)}"})
                return
            status, body = 206, content[start:]
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        length = fault.length if fault.length is not None else len(body)
        self._head(status, {**headers, "Content-Length": str(length), **fault.headers})
        if self.command == "HEAD":
            return
        sent = body[: fault.cut]
        self.wfile.write(sent[:-1])
        self.wfile.flush()
        time.sleep(fault.pause)
        self.wfile.write(sent[-1:])

    def _start(self, tag: str) -> int | None:
        """Return from where on the file is asked for, None for the whole of it."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or not self.website.has_ranges:
            return None
        return int(asked[1]) if self.headers.get("If-Range", tag) == tag else None

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *arguments: object) -> None:
        """Say nothing: clients that go away are what these tests are about."""


@pytest.fixture
def new_website() -> Iterator[Callable[[], Website]]:
    """Start a web server on a port of its own."""
    running: list[tuple[_Server, threading.Thread]] = []

    def start() -> Website:
        website = Website()
        handler = type("Handler", (_Handler,), {"website": website})
        server = _Server(("127.0.0.1", 0), handler)
        website.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        running.append((server, thread))
        return website

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def website(new_website: Callable[[], Website]) -> Website:
    """A web server."""
    return new_website()


@pytest.fixture
def fault() -> type[Fault]:
    """What can go wrong with an answer of a web server."""
    return Fault


@pytest.fixture
def closed_address() -> str:
    """An address at which nobody answers."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Handler) as server:
        return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def config(website, tmp_path):
    """Ask the web server for the hours from 8 to before 11."""
    return {
        "urls": [website.address],
        "start": "2024-05-01T08",
        "end": "2024-05-01T11",
        "cache": str(tmp_path / "cache"),
    }


@pytest.fixture
def archive(website):
    """A web server with the hours from 8 to before 11; hours are not padded with a zero."""
    for hour in (8, 9, 10):
        website.files[f"/2024-05-01-{hour}.json.gz"] = packed(hour)
    return website
