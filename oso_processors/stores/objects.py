"""A prefix in an object store as a place for releases.

A put is whole or not at all there, and one under the condition that nobody else was quicker is what keeps
two runners apart. What is to be read is brought to a folder of this machine first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import NotModifiedError

from oso_processors.errors import StoreUnusable
from oso_processors.object_store import ObjectStore
from oso_processors.passing import own_folder
from oso_processors.stores.conditional import put_if, version
from oso_processors.stores.object_errors import AGAIN, told
from oso_processors.stores.object_lock import ObjectLock
from oso_processors.stores.place import POINTER, RELEASE

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, UpdateVersion

# Parts of an upload, of which some are in memory at a time; S3 takes up to 10,000 of an object.
PART = 16 << 20
PARTS = 4


class Objects:
    """The place at an address; ``passing`` is the folder of this machine that files pass through."""

    def __init__(
        self,
        address: ObjectStore,
        passing: Path,
        retries: int = 6,
        lock_seconds: float = 60.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Use ``address``; a lock that was not renewed for so many seconds is a dead runner's.

        ``say`` is told when that has to be waited for.
        """
        self.address = address
        self.passing = passing
        with told(str(address)):
            self._store = address.connect(retries)
        self._lock = ObjectLock(self._store, str(address), passing, lock_seconds, say)
        # The ETag of each object that was brought here.
        self._brought: dict[str, str | None] = {}
        # The pointer as this run first saw it, or wrote it; None where there was none.
        self._is_seen = False
        self._seen: UpdateVersion | None = None

    def __str__(self) -> str:
        return str(self.address)

    def releases(self) -> dict[str, set[str]]:
        """List all objects, a thousand a call."""
        found: dict[str, set[str]] = {}
        for name in self._names():
            release_id, _, rest = name.partition("/")
            if rest and RELEASE.fullmatch(release_id):
                found.setdefault(release_id, set()).add(rest)
        return found

    def files(self, folder: str) -> list[str]:
        """List the objects below a prefix."""
        return self._names(folder)

    def read(self, name: str) -> bytes:
        """Read an object."""
        with self._told(name):
            return bytes(obstore.get(self._store, name).bytes())

    def local(self, name: str) -> Path:
        """Bring an object here, unless what was brought before is what is there now."""
        path = self._folder / "read" / name
        # To be told that it is gone or another, the store has to be asked each time.
        brought = self._brought.get(name)
        options: GetOptions = {"if_none_match": brought} if brought else {}
        with self._told(name):
            try:
                found = obstore.get(self._store, name, options=options)
            except NotModifiedError:
                return path
            self._bring(found, path)
        self._brought[name] = found.meta["e_tag"]
        return path

    @contextmanager
    def drafted(self, name: str) -> Iterator[Path]:
        """Write here, then send it."""
        path = self._folder / "sent" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield path
            self._send(path, name)
        finally:
            path.unlink(missing_ok=True)

    def write(self, name: str, body: bytes) -> None:
        """Put an object."""
        with self._told(name):
            obstore.put(self._store, name, body)

    def copy(self, name: str, to: str) -> None:
        """Copy within the object store; what is too large for one call to do is sent again from here."""
        try:
            with self._told(name):
                obstore.copy(self._store, name, to)
        except StoreUnusable as error:
            if "InvalidRequest" not in error.reason:
                raise
            self._send(self.local(name), to)

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; one that somebody else removed is no harm."""
        with suppress(FileNotFoundError), self._told():
            obstore.delete(self._store, sorted(names))

    def drop(self, release_id: str) -> None:
        """Remove a release's objects."""
        self.remove([f"{release_id}/manifest.json"])
        self.remove(self._names(release_id))

    def pointer(self) -> bytes | None:
        """Read the pointer, and remember what it was at first."""
        found = None
        with suppress(FileNotFoundError), self._told(POINTER):
            found = obstore.get(self._store, POINTER)
            body = bytes(found.bytes())
        if not self._is_seen:
            self._is_seen, self._seen = True, version(found.meta) if found else None
        return body if found else None

    def point(self, body: bytes) -> None:
        """Replace the pointer, unless another run did or took the lock; raise `StoreUnusable`."""
        self._lock.check()
        if not self._is_seen:
            self.pointer()
        with self._told(POINTER):
            put = put_if(self._store, POINTER, body, self._seen)
        if put is None:
            place = f"{self}/{POINTER}"
            raise StoreUnusable("files", place, "another run replaced it", AGAIN)
        self._seen = put

    def alone(self, store: str) -> AbstractContextManager[None]:
        """Hold the lock object."""
        return self._lock.held(store)

    def holder(self) -> str | None:
        """Say who holds the lock object."""
        return self._lock.holder()

    @cached_property
    def _folder(self) -> Path:
        return own_folder(self.passing)

    def _names(self, prefix: str | None = None) -> list[str]:
        with self._told():
            return [e["path"] for chunk in obstore.list(self._store, prefix) for e in chunk]

    def _send(self, path: Path, name: str) -> None:
        with self._told(name):
            obstore.put(self._store, name, path, chunk_size=PART, max_concurrency=PARTS)

    def _bring(self, found: GetResult, path: Path) -> None:
        part = path.with_suffix(".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            for block in found.stream():
                file.write(block)
        part.replace(path)

    def _told(self, name: str = "") -> AbstractContextManager[None]:
        return told("/".join(filter(None, (str(self), name))))
