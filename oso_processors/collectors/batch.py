"""What was read of one stream and is not landed yet.

Rows wait in a file, so that memory stays bounded however late a state comes. Only what a state covers
is ever landed: `settled` marks how far that is.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

# Each landing has a cost of its own, and rows that wait take room on the disk; files do not.
ROW_BYTES = 256 * 1024 * 1024
FILE_BYTES = 1024 * 1024 * 1024
BUFFER_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Reference:
    """A file handed over: its path, and constants for its rows."""

    path: str
    relative_path: str
    size: int
    columns: Mapping[str, Any]


@dataclass
class Batch:
    """The rows and files of one stream since the last landing."""

    path: Path
    file: IO[bytes]
    written: int = 0
    row_count: int = 0
    references: list[Reference] = field(default_factory=list)
    settled_bytes: int = 0
    settled_rows: int = 0
    settled_references: int = 0
    state: str | None = None

    @classmethod
    def open(cls, path: Path) -> Batch:
        """Start an empty batch, its rows kept at ``path``."""
        return cls(path, path.open("w+b", BUFFER_BYTES))

    def add(self, row: bytes) -> None:
        """Add one row, as JSON."""
        self.written += self.file.write(row + b"\n")
        self.row_count += 1

    def add_file(self, reference: Reference) -> None:
        """Add a file's rows."""
        self.references.append(reference)

    def settle(self, state: Mapping[str, Any] | None = None) -> None:
        """Mark all that was added as covered by ``state``."""
        self.settled_bytes = self.written
        self.settled_rows = self.row_count
        self.settled_references = len(self.references)
        if state is not None:
            self.state = orjson.dumps(state).decode()

    @property
    def is_large(self) -> bool:
        """Whether what waits is worth a transaction of its own."""
        referenced = sum(each.size for each in self.references)
        return self.written >= ROW_BYTES or referenced >= FILE_BYTES

    @property
    def unsettled(self) -> int:
        """How many rows and files no state covers."""
        rows = self.row_count - self.settled_rows
        return rows + len(self.references) - self.settled_references

    def drop_unsettled(self) -> None:
        """Forget what no state covers."""
        self.file.flush()
        self.file.truncate(self.settled_bytes)
        self.file.seek(self.settled_bytes)
        del self.references[self.settled_references :]
        self.written, self.row_count = self.settled_bytes, self.settled_rows

    def clear(self) -> None:
        """Start anew after a landing."""
        self.file.seek(0)
        self.file.truncate()
        self.references = []
        self.written = self.row_count = 0
        self.settled_bytes = self.settled_rows = self.settled_references = 0
        self.state = None

    def close(self) -> None:
        """Close and remove the waiting rows."""
        # What still waits to be written is not wanted any more, so that a full disk is no harm.
        with suppress(OSError):
            self.file.close()
        self.path.unlink(missing_ok=True)
