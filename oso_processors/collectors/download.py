"""Fetch files over HTTP: the only HTTP client of the project.

A download goes on where it was cut, waits as long as the server asks, and appears under its name only
when it is whole.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from oso_processors.errors import TransientFailure

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
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
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))

    def fetch(self, url: str, target: Path) -> Path:
        """Bring ``url`` to ``target``; one that is there already is left as it is.

        Raise `NotFound`, or `TransientFailure` when no attempt succeeded.
        """
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        problem = ""
        for attempt in range(self.attempts):
            wait = self.backoff * 2**attempt
            try:
                answer = self._once(url, part)
                if answer is None:
                    part.replace(target)
                    return target
                problem, asked = answer
                wait = max(wait, asked)
            except HTTPError as error:
                problem = f"the connection failed ({type(error).__name__})"
            if attempt + 1 < self.attempts:
                time.sleep(min(wait, self.longest_wait))
        raise TransientFailure(f"{url}: {problem}; tried {self.attempts} times")

    def _once(self, url: str, part: Path) -> tuple[str, float] | None:
        """Try once; return None when the part is whole, or the problem and the wait asked for."""
        have = part.stat().st_size if part.exists() else 0
        with self._get(url, have) as response:
            if response.status in (404, 410):
                part.unlink(missing_ok=True)
                raise NotFound(url)
            if response.status == 416:
                # What we have is not a beginning of what is there now.
                part.unlink(missing_ok=True)
                return "the file changed while it was fetched", 0
            if response.status in RETRIED:
                return f"the server answered {response.status}", _retry_after(response)
            if response.status not in (200, 206):
                raise TransientFailure(f"{url}: the server answered {response.status}")
            return self._receive(response, part, have if response.status == 206 else 0)

    def _receive(
        self, response: BaseHTTPResponse, part: Path, have: int
    ) -> tuple[str, float] | None:
        length = response.headers.get("Content-Length")
        expected = have + int(length) if length is not None else None
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            for block in response.stream(BLOCK):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        size = part.stat().st_size
        if expected is not None and size != expected:
            return f"{size:,} of {expected:,} bytes came", 0
        return None

    @contextmanager
    def _get(self, url: str, have: int) -> Iterator[BaseHTTPResponse]:
        headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        response = self._pool.request(
            "GET",
            url,
            headers=headers,
            preload_content=False,
            timeout=urllib3.Timeout(connect=self.timeout, read=self.timeout),
            enforce_content_length=True,
        )
        try:
            yield response
        finally:
            response.close()


def _retry_after(response: BaseHTTPResponse) -> float:
    """Return how many seconds the server asks to wait."""
    header = response.headers.get("Retry-After")
    seconds = urllib3.Retry().parse_retry_after(header) if header else 0.0
    return float(seconds)
