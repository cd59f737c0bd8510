"""The files of an oss-directory, from a checkout or an archive, and a digest of them all."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import zstandard

from oso_processors.errors import ConfigFailure

ARCHIVE = re.compile(r".*\.(tar\.zst|tar\.gz|tgz|zip)")
INSIDE = re.compile(r"(?:^|.*/)(data/(?:projects|collections)/.*)")


def located(path: Path) -> Path:
    """Return the checkout or archive that ``path`` means: itself, or the newest archive in it."""
    if not path.exists():
        raise ConfigFailure(f"config: path: {str(path)!r}: there is no such file or folder")
    if path.is_file() or (path / "data" / "projects").is_dir():
        return path
    dated = [
        each for each in path.iterdir() if ARCHIVE.fullmatch(each.name) and _is_dated(each.name)
    ]
    if not dated:
        raise ConfigFailure(
            f"config: path: {str(path)!r}: holds neither data/projects nor an archive of a directory"
        )
    return max(dated, key=lambda each: each.name)


def files(place: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path below the directory's root and the bytes of every file of data/."""
    if place.is_dir():
        for path in _below(place / "data"):
            yield path.relative_to(place).as_posix(), path.read_bytes()
        return
    try:
        yield from _zipped(place) if place.suffix == ".zip" else _tarred(place)
    except (tarfile.TarError, zipfile.BadZipFile, zstandard.ZstdError, EOFError, OSError) as error:
        raise ConfigFailure(f"{place}: is no whole archive: {error}") from error


def digest(place: Path) -> str:
    """Return a hash that changes with any file."""
    total = hashlib.sha256()
    if place.is_file():
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    for name, content in files(place):
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def _below(folder: Path) -> list[Path]:
    """Return every file below ``folder``; a closed folder is an error, not an empty one."""

    def refuse(error: OSError) -> None:
        raise ConfigFailure(f"{error.filename}: cannot be read: {error.strerror}")

    walked = os.walk(folder, onerror=refuse)
    return sorted(Path(root) / name for root, _, names in walked for name in names)


def _is_dated(name: str) -> bool:
    return re.search(r"\d{4}-\d{2}-\d{2}", name) is not None


def _tarred(place: Path) -> Iterator[tuple[str, bytes]]:
    with place.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw) if place.suffix == ".zst" else raw
        mode = "r|" if place.suffix == ".zst" else "r|gz"
        with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
            for member in archive:
                inside = INSIDE.fullmatch(member.name)
                content = archive.extractfile(member) if inside and member.isfile() else None
                if inside and content is not None:
                    yield inside[1], content.read()


def _zipped(place: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(place) as archive:
        for name in sorted(archive.namelist()):
            inside = INSIDE.fullmatch(name)
            if inside and not name.endswith("/"):
                yield inside[1], archive.read(name)
