"""Fetch files and answers over HTTP: the only HTTP client of the project.

A download goes on where it was cut, waits as long as the server asks, and appears under its name only
when it is whole.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
from urllib3.exceptions import (
    HTTPError,
    InvalidHeader,
    LocationValueError,
    MaxRetryError,
    ResponseError,
)
from urllib3.response import BaseHTTPResponse

from oso_processors.errors import ConfigFailure, TransientFailure

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
SCHEMES = ("http://", "https://")
# We try again ourselves, to go on where a download was cut; redirects are all that urllib3 repeats.
REDIRECTS = urllib3.Retry(total=None, connect=False, read=False, other=False, redirect=10)
BLOCK = 1024 * 1024
AGENT = "oso-processors"


class NotFound(Exception):
    """The server has no such file."""


@dataclass
class Client:
    """Fetches with at most ``attempts`` tries a file, waiting ``backoff`` x 2^n seconds between."""

    attempts: int = 6
    backoff: float = 1.0
    longest_wait: float = 300.0
    timeout: float = 60.0
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(retries=REDIRECTS)
    )

    def reach(self, url: str) -> None:
        """Raise `ConfigFailure` for what is no address, `TransientFailure` when nobody answers."""
        try:
            with self._ask("HEAD", url, {}):
                pass
        except HTTPError as error:
            raise TransientFailure(f"{url}: {_why(error)}") from error

    def fetch(self, url: str, target: Path) -> Path:
        """Bring ``url`` to ``target``; one that is there already is left as it is.

        Raise `NotFound`, `ConfigFailure` for what is no address, or `TransientFailure` when no
        attempt succeeded.
        """
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _Part(target)
        self._insist(url, lambda: self._once(url, part))
        part.publish()
        return target

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return what is answered to ``body``, which may be sent several times; raise as `fetch` does."""
        answers: list[bytes] = []
        self._insist(url, lambda: self._answer(url, body, headers, answers))
        return answers[-1]

    def _insist(self, url: str, attempt: Callable[[], tuple[str, float] | None]) -> None:
        """Try until there is no problem; raise `TransientFailure` when there always is one."""
        problem = ""
        for number in range(self.attempts):
            wait = self.backoff * 2**number
            try:
                found = attempt()
                if found is None:
                    return
                problem, asked = found
                wait = max(wait, asked)
            except HTTPError as error:
                problem = _why(error)
            if number + 1 < self.attempts:
                time.sleep(min(wait, self.longest_wait))
        raise TransientFailure(f"{url}: {problem}; tried {self.attempts} times")

    def _answer(
        self, url: str, body: bytes, headers: Mapping[str, str], answers: list[bytes]
    ) -> tuple[str, float] | None:
        """Try once; return None when an answer came, or the problem and the wait asked for."""
        with self._ask("POST", url, headers, body) as response:
            if response.status in (401, 403):
                raise ConfigFailure(
                    f"{url}: the server answered {response.status}; is the token right?"
                )
            if response.status in RETRIED:
                return f"the server answered {response.status}", _retry_after(response)
            if response.status != 200:
                raise TransientFailure(f"{url}: the server answered {response.status}")
            answers.append(response.read())
            return None

    def _once(self, url: str, part: _Part) -> tuple[str, float] | None:
        """Try once; return None when the part is whole, or the problem and the wait asked for."""
        with self._ask("GET", url, part.conditions()) as response:
            if response.status in (404, 410):
                part.drop()
                raise NotFound(url)
            if response.status == 416:
                # What we have is not a beginning of what is there now.
                part.drop()
                return "the file changed while it was fetched", 0
            if response.status in RETRIED:
                return f"the server answered {response.status}", _retry_after(response)
            if response.status not in (200, 206):
                raise TransientFailure(f"{url}: the server answered {response.status}")
            return _receive(response, part)

    @contextmanager
    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[BaseHTTPResponse]:
        try:
            if not url.lower().startswith(SCHEMES):
                raise LocationValueError(url)
            response = self._pool.request(
                method,
                url,
                headers={"User-Agent": AGENT, "Accept-Encoding": "identity", **headers},
                body=body,
                preload_content=False,
                timeout=urllib3.Timeout(connect=self.timeout, read=self.timeout),
                enforce_content_length=True,
            )
        except LocationValueError:
            raise ConfigFailure(f"{url!r}: is no address; it begins with https://") from None
        try:
            yield response
        finally:
            response.close()


@dataclass
class _Part:
    """What came so far of a file, and the version of the file of which it is a part."""

    target: Path

    @property
    def path(self) -> Path:
        return self.target.with_name(self.target.name + ".part")

    @property
    def version(self) -> Path:
        return self.target.with_name(self.target.name + ".version")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def conditions(self) -> dict[str, str]:
        """Ask for the rest, if the file is still the one that we have the beginning of."""
        have = self.size()
        if not have or not self.version.exists():
            return {}
        return {"Range": f"bytes={have}-", "If-Range": self.version.read_text()}

    def begin(self, headers: Mapping[str, str]) -> None:
        """Start anew with the version that ``headers`` tell of."""
        self.drop()
        tag = headers.get("ETag", "")
        # Only a strong tag says that the bytes are the same.
        version = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
        if version:
            self.version.write_text(version)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.version.unlink(missing_ok=True)

    def publish(self) -> None:
        self.path.replace(self.target)
        self.version.unlink(missing_ok=True)


def _receive(response: BaseHTTPResponse, part: _Part) -> tuple[str, float] | None:
    if response.status == 200:
        part.begin(response.headers)
    elif not response.headers.get("Content-Range", "").startswith(f"bytes {part.size()}-"):
        part.drop()
        return "the server sent another part than was asked for", 0
    length = response.headers.get("Content-Length")
    expected = part.size() + int(length) if length is not None else None
    with part.path.open("ab") as file:
        # Unlike `stream`, this loses nothing of what came before a cut. Nothing is unpacked: a file
        # that is packed itself is what we want, whatever its server says of the encoding.
        while block := response.read1(BLOCK, decode_content=False):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    if expected is not None and part.size() != expected:
        return f"{part.size():,} of {expected:,} bytes came", 0
    return None


def _retry_after(response: BaseHTTPResponse) -> float:
    """Return how many seconds the server asks to wait."""
    try:
        return float(urllib3.Retry().parse_retry_after(response.headers.get("Retry-After", "0")))
    except InvalidHeader:
        return 0.0


def _why(error: HTTPError) -> str:
    cause = error.reason if isinstance(error, MaxRetryError) else error
    if isinstance(cause, ResponseError):
        return "the server redirects without end"
    return f"the connection failed ({type(cause).__name__})"
