"""The files of a public repository's data, from a checkout or an archive, and a digest of them all."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from oso_processors.collectors.download import Client, NotFound
from oso_processors.errors import ConfigFailure

ARCHIVE = re.compile(r".*\.(tar\.zst|tar\.gz|tgz|zip)")


@dataclass(frozen=True, slots=True)
class Layout:
    """What of a repository is read: `kind` as a person calls it, and the paths that `inside` matches.

    `mark` is the path by which a checkout is known.
    """

    kind: str
    mark: str
    inside: str
    url: str
    branch: str
    cache: str

    def settings(self) -> Mapping[str, Any]:
        """Return the properties of the settings that say where it is."""
        return {
            "path": {
                "type": "string",
                "description": "A checkout, an archive of one, or a folder of dated archives, "
                "of which the newest is taken.",
            },
            "url": {
                "type": "string",
                "default": self.url,
                "description": "The repository to fetch when no path is given.",
            },
            "branch": {"type": "string", "default": self.branch, "description": "Its branch."},
            "cache": {
                "type": "string",
                "default": self.cache,
                "description": "The folder that a fetched archive is kept in.",
            },
        }

    def place(self, config: Mapping[str, Any]) -> Path:
        """Return the checkout or archive that ``config`` means, after fetching it if need be."""
        if "path" in config:
            return located(Path(config["path"]), self)
        branch = config.get("branch", self.branch)
        url = f"{config.get('url', self.url).rstrip('/')}/archive/refs/heads/{branch}.tar.gz"
        target = Path(config.get("cache", self.cache)) / f"{branch}.tar.gz"
        # A branch moves: what was fetched before may be old.
        target.unlink(missing_ok=True)
        try:
            return Client().fetch(url, target)
        except NotFound:
            raise ConfigFailure(f"config: url: {url!r}: the server has no such archive") from None


def located(path: Path, layout: Layout) -> Path:
    """Return the checkout or archive that ``path`` means: itself, or the newest archive in it."""
    if not path.exists():
        raise ConfigFailure(f"config: path: {str(path)!r}: there is no such file or folder")
    if path.is_file() or (path / layout.mark).exists():
        return path
    dated = [
        each for each in path.iterdir() if ARCHIVE.fullmatch(each.name) and _is_dated(each.name)
    ]
    if not dated:
        raise ConfigFailure(
            f"config: path: {str(path)!r}: holds neither {layout.mark} nor an archive of {layout.kind}"
        )
    return max(dated, key=lambda each: each.name)


def files(place: Path, layout: Layout) -> Iterator[tuple[str, bytes]]:
    """Yield the path below the repository's root and the bytes of every file of ``layout``."""
    if place.is_dir():
        for path in _below(place / layout.mark.split("/")[0]):
            name = path.relative_to(place).as_posix()
            if re.fullmatch(layout.inside, name):
                yield name, path.read_bytes()
        return
    inside = re.compile(rf"(?:^|.*/)({layout.inside})")
    try:
        yield from _zipped(place, inside) if place.suffix == ".zip" else _tarred(place, inside)
    except (tarfile.TarError, zipfile.BadZipFile, zstandard.ZstdError, EOFError, OSError) as error:
        raise ConfigFailure(f"{place}: is no whole archive: {error}") from error


def digest(place: Path, layout: Layout) -> str:
    """Return a hash that changes with any file."""
    total = hashlib.sha256()
    if place.is_file():
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    for name, content in files(place, layout):
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


def _tarred(place: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with place.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw) if place.suffix == ".zst" else raw
        mode = "r|" if place.suffix == ".zst" else "r|gz"
        with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
            for member in archive:
                inside = pattern.fullmatch(member.name)
                content = archive.extractfile(member) if inside and member.isfile() else None
                if inside and content is not None:
                    yield inside[1], content.read()


def _zipped(place: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(place) as archive:
        for name in sorted(archive.namelist()):
            inside = pattern.fullmatch(name)
            if inside and not name.endswith("/"):
                yield inside[1], archive.read(name)
