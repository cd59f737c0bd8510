"""Read a damaged file line by line: keep what is sound, set aside what is not, and say why.

Only files that the warehouse could not read whole come here, so this may be slow, never blind.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import orjson
from isal import igzip, isal_zlib

from oso_processors.collectors.misfits import Misfit, misfits
from oso_processors.collectors.quick import quick_reader
from oso_processors.collectors.schema import slimmer

BUFFER_BYTES = 1 << 18
LINE_LIMIT = 16 * 1024 * 1024
VALUE_LIMIT = 1000
# A cut in a larger file falls within a line, which DuckDB refuses; in a small one it may not.
CHECKED_BYTES = 4 * 1024 * 1024

T = TypeVar("T")
Slim = Callable[[Mapping[str, Any]], dict[str, Any]]
GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Reject:
    """What was set aside: the file, the place in it, the reason, and what stood there."""

    file: str
    place: str
    reason: str
    value: str


class Unreadable(Exception):
    """A file is damaged as a whole; carries the reason."""


def sound_rows(
    path: Path,
    name: str,
    json_schema: Mapping[str, Any],
    as_it_lies: bool,
    convert: Slim | None = None,
) -> Iterator[tuple[int, dict[str, Any] | Reject]]:
    """Yield each numbered line as a row, or as what is wrong with it; raise `Unreadable` for the whole.

    ``as_it_lies`` is for raw files, whose values stand at ``x-path``; without it, for records.
    ``convert`` makes the row of a raw file in another form.
    """
    quick = quick_reader(json_schema) if as_it_lies and convert is None else None
    slim = convert or (slimmer(json_schema) if as_it_lies else None)
    misfit = misfits(json_schema)
    for number, line in lines_of(path):
        if line is None:
            reason = f"longer than {LINE_LIMIT // 2**20} MB"
            yield number, Reject(name, f"line {number}", reason, "")
        elif quick and (row := quick(line)) is not None:
            yield number, row
        elif line.strip():
            found = _row(line, slim, misfit)
            if isinstance(found, str):
                yield number, Reject(name, f"line {number}", found, shown(line))
            else:
                yield number, found


def _row(line: bytes, slim: Slim | None, misfit: Misfit) -> dict[str, Any] | str:
    """Return a line as a row, or the reason why it is none."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"not JSON: {error}"
    if not isinstance(value, dict):
        return "not a JSON object"
    row = slim(value) if slim else value
    wrong = misfit(row)
    return row if wrong is None else f"{wrong} has another type"


def shown(line: bytes) -> str:
    """Return the beginning of a line as text that any store keeps."""
    return line[:VALUE_LIMIT].decode(errors="replace").rstrip("\n").replace("\0", "\ufffd")


def require_whole(path: Path) -> None:
    """Raise `Unreadable` when a gzip is empty, cut or no gzip.

    DuckDB takes what comes before a cut for the whole file when the cut leaves no half a line.
    """
    for _ in _guarded(path, _blocks(path)):
        pass


def require_gzip(path: Path) -> None:
    """Raise `Unreadable` when a file does not even begin as a gzip."""
    with path.open("rb") as file:
        if file.read(2) != GZIP:
            raise Unreadable(_what_it_is(path))


def lines_of(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield numbered lines, None for one that is too long; raise `Unreadable` where a gzip ends."""
    return _guarded(path, _numbered(path))


def _numbered(path: Path) -> Iterator[tuple[int, bytes | None]]:
    with _open(path) as file:
        number = 0
        while line := file.readline(LINE_LIMIT):
            number += 1
            if len(line) == LINE_LIMIT and not line.endswith(b"\n"):
                while (rest := file.readline(LINE_LIMIT)) and not rest.endswith(b"\n"):
                    pass
                yield number, None
            else:
                yield number, line


def _blocks(path: Path) -> Iterator[bytes]:
    with _open(path) as file:
        while block := file.read(1 << 20):
            yield block


def _guarded(path: Path, values: Iterator[T]) -> Iterator[T]:
    """Pass ``values`` on, and turn damage of the gzip below them into `Unreadable`."""
    try:
        if path.suffix == ".gz" and not path.stat().st_size:
            raise Unreadable("an empty file")
        yield from values
    except (FileNotFoundError, PermissionError) as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    except gzip.BadGzipFile:
        raise Unreadable(_what_it_is(path)) from None
    except (EOFError, isal_zlib.IsalError) as error:  # type: ignore[misc]
        raise Unreadable(f"truncated or damaged gzip ({error})") from None


def _open(path: Path) -> IO[bytes]:
    if path.suffix != ".gz":
        return path.open("rb")
    # Four times as fast as the standard library, which is most of what reading an hour costs; its
    # own buffer is shorter than many a line.
    return io.BufferedReader(igzip.open(path, "rb"), BUFFER_BYTES)  # type: ignore[no-untyped-call]


def _what_it_is(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "an HTML page, not gzip"
    return "not gzip" if start else "an empty file"
