"""A table of a release as files in a folder of its own: one with all rows, or one for each month.

Where a table is published by days, a day that changed takes the file of its month; those of the other
months are the files of the release before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from oso_processors.days import DAY, Span, on, union
from oso_processors.sql import literal
from oso_processors.stores import Changed, Output

WHOLE = "data.parquet"
ROW_GROUP = 122_880
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """A file in a table's folder, with the rows of a month, or of all time."""

    name: str
    month: Span | None = None

    def is_as_before(self, changed: Changed) -> bool:
        """Say whether no day of it changed."""
        month = self.month
        return month is not None and not any(day in month for day in changed.days)

    def write(
        self, connection: duckdb.DuckDBPyConnection, output: Output, query: str, target: Path
    ) -> None:
        """Write its rows of ``query`` in the order of the grain, so that a reader of a range skips row
        groups."""
        if self.month is not None:
            query = on(query, str(output.day_column), [self.month])
        order = ", ".join(f'"{name}"' for name in output.table.grain)
        connection.execute(
            f"COPY ({query} ORDER BY {order}) TO {literal(target)}"
            f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )


def parts(output: Output) -> list[Part]:
    """Return the files that an output is written as."""
    months = sorted({day.replace(day=1) for day in output.days})
    return [Part(f"{first.isoformat()[:7]}.parquet", _month(first)) for first in months] or [
        Part(WHOLE)
    ]


def query(output: Output, chosen: Sequence[Part]) -> str:
    """Return the query of the rows of the ``chosen`` files."""
    months = [each.month for each in chosen if each.month is not None]
    if not months or len(months) == len(parts(output)):
        return output.table.query
    return on(output.table.query, str(output.day_column), union(months))


def files_of(table: str, names: Iterable[str]) -> list[str]:
    """Return which of a release's files are the table's; an earlier version wrote one beside all others."""
    folder = [name for name in names if name.startswith(f"{table}/") and name.endswith(".parquet")]
    return sorted(folder) or [name for name in names if name == f"{table}.parquet"]


def name_in_folder(table: str, file: str) -> str:
    """Return how a file of a release is called in the table's folder."""
    return WHOLE if file == f"{table}.parquet" else file.rpartition("/")[2]


def told(described: Mapping[str, Any]) -> dict[str, str]:
    """Return the hash of each file that a manifest names for a table."""
    files = described.get("files") or [described]
    return {each["path"]: each["sha256"] for each in files}


def described(files: Mapping[str, Path]) -> dict[str, Any]:
    """Return what a manifest says of a table's files; their hash is that of all of them, one after another."""
    whole, listed = hashlib.sha256(), []
    for name, path in files.items():
        one = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                one.update(block)
                whole.update(block)
        listed.append({"path": name, "bytes": path.stat().st_size, "sha256": one.hexdigest()})
    names = [each["path"] for each in listed]
    return {
        "path": names[0] if len(names) == 1 else names,
        "bytes": sum(each["bytes"] for each in listed),
        "sha256": whole.hexdigest(),
        "files": listed,
    }


def source(paths: Sequence[Path]) -> str:
    """Return what reads these files only, since DuckDB takes every path for a pattern."""
    patterns = (re.sub(r"([\[*?])", r"[\1]", str(path)) for path in paths)
    return f"read_parquet([{', '.join(map(literal, patterns))}], hive_partitioning = false)"


def _month(first: date) -> Span:
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return Span(first, after - DAY)
