"""Put batches into raw tables: DuckDB reads rows and files itself, and what it refuses is set aside.

The fast way is one statement for many files. When it fails, every file is read alone, and one that
still fails is read line by line, so that a bad line costs one row and a bad file costs one file.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import orjson

from oso_processors.collectors.batch import Batch, Reference
from oso_processors.collectors.careful import (
    CHECKED_BYTES,
    Reject,
    Unreadable,
    require_whole,
    shown,
    sound_rows,
)
from oso_processors.collectors.raw_tables import table_columns, table_name
from oso_processors.collectors.schema import columns, reading
from oso_processors.collectors.source import Stream
from oso_processors.errors import LandingFailed, NoSpaceLeft
from oso_processors.full_disk import is_full
from oso_processors.sql import literal

# What is set aside row by row costs a reading each; a file with more of it is set aside whole.
JUDGED_ROWS = 200
FAULT = re.compile(r"in line (\d+): (.*)")


@dataclass
class Landing:
    """One stream's way into ``target``; `rejects` and `damaged` are what was set aside.

    What was picked out of a file waits in ``folder``.
    """

    connection: duckdb.DuckDBPyConnection
    stream: Stream
    target: str
    constants: Mapping[str, str]
    folder: Path
    rejects: list[Reject] = field(default_factory=list)
    damaged: list[tuple[Reference, str]] = field(default_factory=list)

    def fast(self, batch: Batch) -> None:
        """Insert all of ``batch``; raise what DuckDB raises when any of it cannot be read."""
        if batch.row_count:
            batch.file.flush()
            self._insert_rows(batch.path)
        if batch.references:
            self._insert_files(batch.references)

    def careful(self, batch: Batch) -> None:
        """Insert what can be read of ``batch``, outside of any transaction."""
        if batch.row_count:
            batch.file.flush()
            try:
                self._insert_rows(batch.path)
            except duckdb.Error as error:
                raise_if_full(error)
                self._records_by_line(batch)
        self._halve(batch.references)

    def _records_by_line(self, batch: Batch) -> None:
        try:
            self._by_line(batch.path, "records", ())
        except Unreadable as error:
            raise LandingFailed(self.stream.name, str(error)) from None

    def _halve(self, references: Sequence[Reference]) -> None:
        if not references:
            return
        try:
            self._insert_files(references)
            return
        except (duckdb.Error, Unreadable) as error:
            raise_if_full(error)
            reason = str(error).splitlines()[0]
        if len(references) > 1:
            middle = len(references) // 2
            self._halve(references[:middle])
            self._halve(references[middle:])
            return
        only = references[0]
        if only.path.endswith(".parquet"):
            self.damaged.append((only, f"not Parquet of the right shape ({reason})"))
            return
        try:
            self._by_line(Path(only.path), only.relative_path, references)
        except Unreadable as error:
            self.damaged.append((only, str(error)))

    def _by_line(self, path: Path, name: str, references: Sequence[Reference]) -> None:
        # Records were picked out of their files by the connector.
        as_it_lies = bool(references)
        rejects, numbers = [], []
        with tempfile.NamedTemporaryFile(suffix=".ndjson", dir=self.folder) as kept:
            for number, row in sound_rows(path, name, self.stream.json_schema, as_it_lies):
                if isinstance(row, Reject):
                    rejects.append(row)
                else:
                    numbers.append(number)
                    kept.write(orjson.dumps(row) + b"\n")
            kept.flush()
            renamed = [
                Reference(kept.name, each.relative_path, 0, each.columns) for each in references
            ]
            rejects += self._judged(Path(kept.name), name, numbers, renamed)
        self.rejects += rejects

    def _judged(
        self, path: Path, name: str, numbers: list[int], references: Sequence[Reference]
    ) -> list[Reject]:
        """Insert the rows of ``path`` but those that only DuckDB finds fault with."""
        rejects: list[Reject] = []
        while len(rejects) <= JUDGED_ROWS:
            try:
                self._insert_rows(path, references)
            except duckdb.Error as error:
                raise_if_full(error)
                found = FAULT.search(str(error))
                if found is None:
                    raise
                at, reason = int(found[1]) - 1, found[2].strip()
                line = _without_line(path, at)
                rejects.append(Reject(name, f"line {numbers.pop(at)}", reason, shown(line)))
            else:
                return rejects
        raise Unreadable(f"more than {JUDGED_ROWS} lines do not fit, such as: {rejects[-1].reason}")

    def _insert_rows(self, path: Path, references: Sequence[Reference] = ()) -> None:
        structure, expressions = reading(self.stream.json_schema, as_it_lies=False)
        self._insert(expressions, _read_json([str(path)], structure), references)

    def _insert_files(self, references: Sequence[Reference]) -> None:
        paths = [each.path for each in references]
        for each in references:
            if each.path.endswith(".gz") and each.size <= CHECKED_BYTES:
                require_whole(Path(each.path))
        if paths[0].endswith(".parquet"):
            expressions = self._parquet_expressions(paths[0])
            reader = f"read_parquet({_listed(paths)})"
        else:
            structure, expressions = reading(self.stream.json_schema, as_it_lies=True)
            reader = _read_json(paths, structure)
        self._insert(expressions, reader, references)

    def _parquet_expressions(self, path: str) -> dict[str, str]:
        rows = self.connection.execute(
            f"SELECT name FROM parquet_schema({literal(path)})"
        ).fetchall()
        found = {row[0] for row in rows}
        names = columns(self.stream.json_schema)
        return {name: f'"{name}"' if name in found else "NULL" for name in names}

    def _insert(
        self, expressions: Mapping[str, str], reader: str, references: Sequence[Reference]
    ) -> None:
        types = table_columns(self.stream.name, self.stream.json_schema)
        given = sorted({name for each in references for name in each.columns if name in types})
        values = {
            **{name: f"CAST({each} AS {types[name]})" for name, each in expressions.items()},
            **{name: _by_file(references, name, types[name]) for name in given},
            **self.constants,
        }
        names = ", ".join(f'"{name}"' for name in values)
        self.connection.execute(
            f"INSERT INTO {self.target} ({names}) SELECT {', '.join(values.values())}"
            f" FROM {reader} AS found"
        )


def raise_if_full(error: Exception, place: str = "OSO_HOME") -> None:
    """Raise `NoSpaceLeft` when that is why the system or DuckDB failed."""
    if not is_full(error):
        return
    if isinstance(error, OSError):
        raise NoSpaceLeft(str(error.filename or place)) from None
    raise NoSpaceLeft("the warehouse") from None


def constants(source: str, stream: str, load_id: int) -> dict[str, str]:
    """Return the expressions of the columns that every row of a landing has in common."""
    common = {"_load_id": str(load_id), "_extracted_at": "now()"}
    if table_name(source, stream) == stream:
        common = {"source": f"'{source}'", **common}
    return common


def _read_json(paths: Sequence[str], structure: str) -> str:
    return f"read_json({_listed(paths)}, format = 'newline_delimited', columns = {structure})"


def _by_file(references: Sequence[Reference], name: str, sql_type: str) -> str:
    """Return the expression that gives the rows of each file its constant, looked up by its number."""
    constants = ", ".join(literal(each.columns.get(name)) for each in references)
    return f"CAST([{constants}] AS {sql_type}[])[CAST(found.file_index AS BIGINT) + 1]"


def _without_line(path: Path, index: int) -> bytes:
    """Take one line out of a file, and return it."""
    lines = path.read_bytes().splitlines(keepends=True)
    line = lines.pop(index)
    path.write_bytes(b"".join(lines))
    return line


def _listed(paths: Sequence[str]) -> str:
    return "[" + ", ".join(literal(path) for path in paths) + "]"
