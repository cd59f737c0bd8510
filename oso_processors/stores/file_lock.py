"""A lock for where there is no database: one process holds it, and the kernel frees it however that ends."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from oso_processors.errors import ReleaseLocked, StoreUnusable

LOOKED_SECONDS = 0.2


@contextmanager
def held(path: Path, store: str) -> Iterator[None]:
    """Hold the lock at ``path``; raise `ReleaseLocked` with who holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreUnusable(store, str(path), str(error.strerror)) from error
    try:
        if not _waited_for(handle):
            raise ReleaseLocked(f"{store}: {_words(handle)}")
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{process()} since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC".encode(), 0)
        yield
    finally:
        os.close(handle)


def holder(path: Path) -> str | None:
    """Say who holds the lock; None when nobody does."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _taken(handle) else _words(handle)
    finally:
        os.close(handle)


def process() -> str:
    """Name this process as others see it; a server's list of sessions keeps 63 bytes."""
    return f"oso, process {os.getpid()} on {socket.gethostname()}"


def _waited_for(handle: int) -> bool:
    """Take the lock, also from somebody who only looks whether it is held."""
    end = time.monotonic() + LOOKED_SECONDS
    while not (is_taken := _taken(handle)) and time.monotonic() < end:
        time.sleep(0.02)
    return is_taken


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _words(handle: int) -> str:
    return os.pread(handle, 200, 0).decode(errors="replace") or "somebody"
