"""A folder of this machine as a place for releases: an unchanged file is a hard link, and all is synced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from oso_processors.stores import file_lock
from oso_processors.stores.place import POINTER, RELEASE


class Folder:
    """The folder ``root``, which is made when the first release is."""

    def __init__(self, root: Path) -> None:
        """Use ``root``; nothing is made yet."""
        self.root = root
        # What was put into these is not sure to last yet.
        self._folders: set[Path] = set()

    def __str__(self) -> str:
        return str(self.root)

    def releases(self) -> dict[str, set[str]]:
        """List the folders of releases."""
        found: dict[str, set[str]] = {}
        for path in self.root.iterdir() if self.root.is_dir() else ():
            if RELEASE.fullmatch(path.name) and path.is_dir():
                # Another run may sweep it while we look.
                with suppress(FileNotFoundError):
                    found[path.name] = {str(each.relative_to(path)) for each in _files(path)}
        return found

    def files(self, folder: str) -> list[str]:
        """List the files of a folder and of those in it."""
        return [str(each.relative_to(self.root)) for each in _files(self.root / folder)]

    def read(self, name: str) -> bytes:
        """Read the file."""
        return (self.root / name).read_bytes()

    def local(self, name: str) -> Path:
        """Return the file itself."""
        path = self.root / name
        path.stat()
        return path

    @contextmanager
    def drafted(self, name: str) -> Iterator[Path]:
        """Write beside the file; the sweep removes what a failure leaves."""
        path = self.root / name
        part = path.with_suffix(".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        # What a killed run left here may be of other rows.
        path.unlink(missing_ok=True)
        yield part
        sync(part)
        part.replace(path)
        self._folders.add(path.parent)

    def write(self, name: str, body: bytes) -> None:
        """Replace a file whole: readers see the old one or the new one."""
        path = self.root / name
        part = path.with_suffix(".part")
        part.write_bytes(body)
        sync(part)
        part.replace(path)
        sync(path.parent)

    def copy(self, name: str, to: str) -> None:
        """Let both releases have the file; copy it where the file system has no links."""
        target = self.root / to
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        self._folders.add(target.parent)
        try:
            os.link(self.root / name, target)
        except OSError:
            shutil.copyfile(self.root / name, target)
            sync(target)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, and the folders of tables that are empty then."""
        for name in names:
            path = self.root / name
            path.unlink()
            if path.parent.parent != self.root and not any(path.parent.iterdir()):
                path.parent.rmdir()

    def drop(self, release_id: str) -> None:
        """Remove a release's folder."""
        folder = self.root / release_id
        (folder / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(folder)

    def pointer(self) -> bytes | None:
        """Read the pointer."""
        try:
            return self.read(POINTER)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def point(self, body: bytes) -> None:
        """Replace the pointer, when the disk has the names of all files before it."""
        for folder in self._folders:
            with suppress(FileNotFoundError):
                sync(folder)
                sync(folder.parent)
        self._folders.clear()
        self.write(POINTER, body)

    def alone(self, store: str) -> AbstractContextManager[None]:
        """Hold a lock that the kernel frees."""
        return file_lock.held(self._lock, store)

    def holder(self) -> str | None:
        """Say who holds the lock."""
        return file_lock.holder(self._lock)

    @property
    def _lock(self) -> Path:
        # Beside the folder, in which readers find releases and nothing else.
        return self.root.with_name(f"{self.root.name}.lock")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_dir())


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
