"""Where the files of releases lie: a folder, or an object store; both keep the same promises.

A name is such as `r7/stars/data.parquet`. What is put under it is there whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

POINTER = "latest.json"
RELEASE = re.compile(r"r[1-9][0-9]*")


class Place(Protocol):
    """A place for the files of releases; where the system refuses, `OSError` or `StoreUnusable` is raised."""

    def releases(self) -> dict[str, set[str]]:
        """Return the names of the files below each release's id; whatever else lies there is not ours."""

    def files(self, folder: str) -> list[str]:
        """Return the names of the files below a folder; none where there is no such folder."""

    def read(self, name: str) -> bytes:
        """Return what lies there; raise `FileNotFoundError`."""

    def local(self, name: str) -> Path:
        """Return a file of this machine with what lies there now; raise `FileNotFoundError`."""

    def drafted(self, name: str) -> AbstractContextManager[Path]:
        """Give a path to write to; what is written is put under the name when the block ends well."""

    def write(self, name: str, body: bytes) -> None:
        """Put ``body`` under the name."""

    def copy(self, name: str, to: str) -> None:
        """Let what lies under a name lie under another too, without moving it through this machine."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""

    def drop(self, release_id: str) -> None:
        """Remove a release, its manifest first: without that, what is left counts as nothing."""

    def pointer(self) -> bytes | None:
        """Return the pointer's file; None before the first."""

    def point(self, body: bytes) -> None:
        """Replace the pointer's file, when all that was put before is sure to last."""

    def alone(self, store: str) -> AbstractContextManager[None]:
        """Be the only one who makes a release here, while it lasts; raise `ReleaseLocked`."""

    def holder(self) -> str | None:
        """Say who is `alone` here now."""
