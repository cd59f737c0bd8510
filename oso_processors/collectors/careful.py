"""Read a damaged file line by line: keep what is sound, set aside what is not, and say why.

Only files that the warehouse could not read whole come here, so this may be slow, never blind.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeVar

import orjson

from oso_processors.collectors.schema import kind

LINE_LIMIT = 16 * 1024 * 1024
VALUE_LIMIT = 1000

T = TypeVar("T")
Slim = Callable[[Mapping[str, Any]], dict[str, Any]]


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
    path: Path, name: str, json_schema: Mapping[str, Any], slim: Slim | None
) -> Iterator[dict[str, Any] | Reject]:
    """Yield each line as a row, or as what is wrong with it; raise `Unreadable` for the whole."""
    properties = json_schema["properties"]
    for number, line in _lines(path):
        place = f"line {number}"
        if line is None:
            yield Reject(name, place, f"longer than {LINE_LIMIT // 2**20} MB", "")
            continue
        if not line.strip():
            continue
        text = line[:VALUE_LIMIT].decode(errors="replace").rstrip("\n").replace("\0", "\ufffd")
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Reject(name, place, f"not JSON: {error}", text)
            continue
        if not isinstance(value, dict):
            yield Reject(name, place, "not a JSON object", text)
            continue
        row = slim(value) if slim else value
        wrong = next(
            (key for key, each in properties.items() if not _fits(row.get(key), each)), None
        )
        yield row if wrong is None else Reject(name, place, f"{wrong} has another type", text)


def require_whole(path: Path) -> None:
    """Raise `Unreadable` when a gzip is empty, cut or no gzip.

    DuckDB takes what comes before a cut for the whole file when the cut leaves no half a line.
    """
    if not path.stat().st_size:
        raise Unreadable("an empty file")
    for _ in _guarded(path, _blocks(path)):
        pass


def _lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield numbered lines, None for one that is too long."""
    if path.suffix == ".gz" and not path.stat().st_size:
        raise Unreadable("an empty file")
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
        yield from values
    except gzip.BadGzipFile:
        raise Unreadable(_what_it_is(path)) from None
    except (EOFError, zlib.error) as error:
        raise Unreadable(f"truncated or damaged gzip ({error})") from None


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _what_it_is(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "an HTML page, not gzip"
    return "not gzip" if start else "an empty file"


def _fits(value: Any, prop: Mapping[str, Any]) -> bool:
    if value is None:
        return True
    shape = kind(prop)
    if shape == "string":
        return isinstance(value, str) and (prop.get("format") != "date-time" or _is_time(value))
    if shape == "integer":
        return isinstance(value, int) and abs(value) < 2**63
    return shape != "array" or isinstance(value, list)


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
