"""Collect oss-funding: grants to open source projects, from the one table that it publishes.

The whole table is one snapshot. A row that cannot be counted is set aside, and one that can, though
something is odd about it, is kept and named.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from oso_processors.collectors.checkouts import Layout, digest, files
from oso_processors.collectors.source import (
    DATE,
    REJECTS,
    TEXT,
    Estimate,
    Message,
    Record,
    Stream,
    reject,
    run,
    schema,
    snapshot,
)
from oso_processors.errors import ConfigFailure

LAYOUT = Layout(
    kind="oss-funding",
    mark="data/funding_data.csv",
    inside=r"data/funding_data\.csv",
    url="https://github.com/opensource-observer/oss-funding",
    branch="main",
    cache=".oso/downloads/oss_funding",
)
COLUMNS = (
    "to_project_name",
    "amount",
    "funding_date",
    "from_funder_name",
    "grant_pool_name",
    "metadata",
    "file_path",
)
GRANTS = schema(
    grant_id=TEXT,
    to_project_name=TEXT,
    amount=TEXT,
    funding_date=DATE,
    from_funder_name=TEXT,
    grant_pool_name=TEXT,
    metadata=TEXT,
    file_path=TEXT,
    file=TEXT,
)
AMOUNT = re.compile(r"\+?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?")
# More than all the money there is.
TOO_MUCH = Decimal(10) ** 15
CELL_LIMIT = 1024 * 1024

Cells = dict[str, str]


class OssFunding:
    """The collector of oss-funding."""

    name = "oss_funding"
    documentation_url = "https://github.com/opensource-observer/oss-funding"
    spec: Mapping[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "OSS Funding",
        "type": "object",
        "additionalProperties": False,
        "properties": LAYOUT.settings(),
    }

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `ConfigFailure` when there is no table of grants to read."""
        _table(LAYOUT.place(config))

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """Return the grants, and what was set aside or is odd."""
        return (
            Stream("grants", GRANTS, ("grant_id",), sync="overwrite"),
            Stream("rejects", REJECTS, sync="overwrite"),
        )

    def read(
        self,
        config: Mapping[str, Any],
        streams: Collection[str],
        state: Mapping[str, Mapping[str, Any]],
    ) -> Iterator[Message]:
        """Yield every grant when the table changed, and its digest as the state of each stream."""
        place = LAYOUT.place(config)
        yield from snapshot(streams, state, {"digest": digest(place, LAYOUT)}, _rows_of(place))


def _rows_of(place: Path) -> Iterator[Message]:
    file, content = _table(place)
    yield Estimate("grants", content.count(b"\n"))
    yield from grants(file, content)


def grants(file: str, content: bytes) -> Iterator[Record]:
    """Yield the rows of the table, and a reject for each that is odd; raise `ConfigFailure`."""
    text = content.decode("utf-8-sig", errors="replace")
    rows = _rows(text)
    _, header = next(rows, (1, []))
    for name in COLUMNS:
        if name not in header:
            raise ConfigFailure(f"{file}: has no column {name!r}")
    first_lines: dict[str, int] = {}
    for line, found in rows:
        if isinstance(found, str) or len(found) != len(header):
            reason = found if isinstance(found, str) else "has more or fewer cells than the header"
            yield reject(file, f"line {line}", reason, "" if isinstance(found, str) else found[0])
            continue
        cells = {name: cell.strip() for name, cell in zip(header, found, strict=True)}
        yield from _grant(file, line, cells, first_lines)


def _grant(file: str, line: int, cells: Cells, first_lines: dict[str, int]) -> Iterator[Record]:
    """Yield a grant and what is odd about it, or only why it cannot be counted."""
    refused = _refusal(cells)
    if refused:
        yield reject(file, f"line {line}", *refused)
        return
    grant_id = hashlib.sha256("\x1f".join(cells[name] for name in COLUMNS).encode()).hexdigest()
    first = first_lines.setdefault(grant_id, line)
    if first != line:
        reason = f"stands in line {first} too; left out here"
        yield reject(file, f"line {line}", reason, cells["to_project_name"])
        return
    for reason, value in _oddities(cells):
        yield reject(file, f"line {line}", f"kept, though {reason}", value)
    row = {
        **{name: cells[name] or None for name in COLUMNS},
        "grant_id": grant_id,
        "amount": f"{Decimal(cells['amount']):f}",
        "metadata": cells["metadata"] if _is_mapping(cells["metadata"]) else None,
        "file": file,
    }
    yield Record("grants", row)


def _refusal(cells: Cells) -> tuple[str, str] | None:
    """Return why a row cannot be counted, with the value to blame."""
    amount, day = cells["amount"], cells["funding_date"]
    if not AMOUNT.fullmatch(amount):
        return "amount is no number of 0 or more", amount
    if Decimal(amount) >= TOO_MUCH:
        return "amount is too large", amount
    if not _is_day(day):
        return "funding_date is no day such as 2024-05-01", day
    if not cells["from_funder_name"]:
        return "names no funder", cells["to_project_name"]
    return None


def _oddities(cells: Cells) -> Iterator[tuple[str, str]]:
    if not cells["to_project_name"]:
        yield "it names no project", cells["grant_pool_name"]
    if not Decimal(cells["amount"]):
        yield "its amount is 0", cells["to_project_name"]
    if cells["metadata"] and not _is_mapping(cells["metadata"]):
        yield "its metadata is no JSON object, and left out", cells["to_project_name"]
    if any("\ufffd" in cell for cell in cells.values()):
        yield "some of it is no UTF-8", cells["to_project_name"]


def _is_day(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_mapping(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _rows(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each row with its last line; one that is no CSV is the reason why."""
    csv.field_size_limit(CELL_LIMIT)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, f"is no CSV: {error}"
        else:
            if row:
                yield reader.line_num, row


def _table(place: Path) -> tuple[str, bytes]:
    for found in files(place, LAYOUT):
        return found
    raise ConfigFailure(f"{place}: holds no {LAYOUT.mark}; is it oss-funding?")


def main() -> None:
    """Run as a connector."""
    sys.exit(run(OssFunding()))


if __name__ == "__main__":
    main()
