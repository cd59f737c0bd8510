"""Publish as files: one Parquet file a table below the release's folder, and one pointer to the newest.

`latest.json` is the one file that ever changes; it is replaced whole, after all else is on the disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import orjson

from oso_processors import checksum, full_disk
from oso_processors.errors import ReleaseUnreadable, StoreUnusable
from oso_processors.sql import literal
from oso_processors.stores import Manifest, Measured, Output, datapackage, drift, file_lock

ROW_GROUP = 122_880
FOLDER = re.compile(r"r[1-9][0-9]*")


class FilesStore:
    """The files store in the folder ``root``."""

    name = "files"

    def __init__(self, root: Path) -> None:
        """Use ``root``, which is made when the first release is."""
        self.root = root
        # Starting one takes as long as reading a small table back.
        self._reader: duckdb.DuckDBPyConnection | None = None

    def alone(self) -> AbstractContextManager[None]:
        """Be the only one who makes a release here, while it lasts; raise `ReleaseLocked`."""
        return file_lock.held(self._lock, self.name)

    def holder(self) -> str | None:
        """Say who is `alone` here now."""
        return file_lock.holder(self._lock)

    def served(self) -> Manifest | None:
        """Return the release that latest.json names."""
        pointer = self.root / "latest.json"
        if not pointer.exists():
            return None
        return self._manifest(_field(pointer, "release"))

    def kept(self) -> Sequence[Manifest]:
        """Return the release served, and the whole ones before it, newest first."""
        served = self.served()
        if served is None:
            return []
        return [served, *self._before(served)]

    def _before(self, served: Manifest) -> Iterator[Manifest]:
        """Give the whole releases before the one served, the newest first."""
        for folder in sorted(self._folders(), key=_number, reverse=True):
            if _number(folder) < served.number and (folder / "manifest.json").exists():
                yield self._manifest(folder.name)

    def ready(self, outputs: Sequence[Output]) -> None:
        """Files can always be replaced."""

    def build(
        self, connection: duckdb.DuckDBPyConnection, release: Manifest, output: Output
    ) -> None:
        """Write the table's file, or link the one of an earlier release with the same content."""
        target = self._path(release, output)
        with self._told():
            target.parent.mkdir(parents=True, exist_ok=True)
            # What a killed run left here may be of other rows.
            target.unlink(missing_ok=True)
            earlier = self._same_content(output)
            if earlier is not None:
                _link(earlier, target)
            else:
                self._write(connection, output, target)

    def measure(self, release: Manifest, output: Output) -> Measured:
        """Read the file back with an engine of its own."""
        source = f"read_parquet({literal(_as_pattern(self._path(release, output)))})"
        with self._told():
            connection = self._engine()
            described = connection.execute(f"DESCRIBE FROM {source}").fetchall()
            found = connection.execute(checksum.duckdb_sql(output.table, source)).fetchone()
            is_unique = grain_is_unique(connection, output, source)
        return Measured(
            checksum.text(found), [f"{row[0]} {row[1]}" for row in described], is_unique
        )

    def publish(self, release: Manifest, outputs: Sequence[Output]) -> None:
        """Write the manifest, then replace the pointer."""
        with self._told():
            self._drop_strangers(release, outputs)
            tables = [self._described(release, each) for each in outputs]
        folder = self.root / release.id
        _replace(folder / "datapackage.json", datapackage.datapackage(release, tables))
        _replace_text(folder / "CITATION.cff", datapackage.citation(release))
        body = {"release": release.id, **release.body(), "tables": tables}
        _replace(folder / "manifest.json", body)
        self._point(release)

    def switch(self, release: Manifest) -> None:
        """Let the pointer name a kept release again."""
        missing = [
            each.name
            for each in release.outputs(self.name)
            if not self._path(release, each).exists()
        ]
        if missing or self._manifest(release.id) != release:
            raise StoreUnusable(self.name, release.id, "is not kept whole")
        self._point(release)

    def drift(self, release: Manifest) -> list[str]:
        """Compare files, and what the manifest says of them."""
        folder = self.root / release.id
        told = {each["name"]: each for each in _load(folder / "manifest.json")["tables"]}
        outputs = release.outputs(self.name)
        lines = [
            f"{each.name}: {line}"
            for each in outputs
            for line in self._drift_of(release, each, told.get(each.name))
        ]
        ours = {
            "manifest.json",
            *datapackage.NAMES,
            *(self._path(release, each).name for each in outputs),
        }
        added = sorted({path.name for path in folder.iterdir()} - ours)
        lines += [f"{name}: the file is no part of the release" for name in added]
        return [f"{self.name}: {line}" for line in lines]

    def left_over(self) -> list[str]:
        """Name the folders of releases that were never finished, or were taken back at once."""
        served = self.served()
        newest = served.number if served else 0
        return sorted(
            folder.name
            for folder in self._folders()
            if _number(folder) > newest or not (folder / "manifest.json").exists()
        )

    def source(self, release: Manifest, name: str) -> str | None:
        """Return where DuckDB reads the rows of a kept table."""
        path = self.root / release.id / f"{name}.parquet"
        return f"read_parquet({literal(_as_pattern(path))})" if path.exists() else None

    def sweep(self, keep: Iterable[Manifest]) -> None:
        """Remove the folders of other releases, finished or not."""
        wanted = {each.id for each in keep}
        for folder in self._folders():
            if folder.name not in wanted:
                with self._told():
                    # Without its manifest a folder that is half removed counts as nothing.
                    (folder / "manifest.json").unlink(missing_ok=True)
                    shutil.rmtree(folder)

    def _point(self, release: Manifest) -> None:
        pointer = {"release": release.id, "manifest": f"{release.id}/manifest.json"}
        _replace(self.root / "latest.json", {**pointer, "released_at": release.released_at})

    def _drift_of(
        self, release: Manifest, output: Output, told: dict[str, Any] | None
    ) -> Iterator[str]:
        """Compare the file of one table, and what the manifest says of it beside its contents."""
        if not self._path(release, output).exists():
            yield "its file is gone"
            return
        described = self._described(release, output)
        if told is None:
            yield "the manifest does not describe it"
        else:
            yield from drift.of_words(output, told["description"], _words(told))
            if told["sha256"] != described["sha256"]:
                yield "its file was changed: its SHA-256 is another"
        try:
            measured = self.measure(release, output)
        except StoreUnusable as error:
            yield f"its file cannot be read: {error.reason}"
            return
        found = [(name, kind) for name, _, kind in (e.partition(" ") for e in measured.columns)]
        wanted = [(each.name, each.type) for each in output.table.columns]
        yield from drift.of_columns(wanted, found)
        yield from drift.of_rows(output, measured.checksum)

    @property
    def _lock(self) -> Path:
        # Beside the folder, in which readers find releases and nothing else.
        return self.root.with_name(f"{self.root.name}.lock")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what the disk or the engine refuses in one line."""
        try:
            yield
        except (OSError, duckdb.Error) as error:
            reason = str(error).splitlines()[0]
            raise StoreUnusable(
                self.name, str(self.root), reason, full_disk.advice(error)
            ) from error

    def _folders(self) -> list[Path]:
        """Return the folders of releases; whatever else lies there is not ours."""
        found = self.root.iterdir() if self.root.is_dir() else ()
        return [path for path in found if FOLDER.fullmatch(path.name) and path.is_dir()]

    def _write(self, connection: duckdb.DuckDBPyConnection, output: Output, target: Path) -> None:
        part = target.with_suffix(".part")
        order = ", ".join(f'"{name}"' for name in output.table.grain)
        connection.execute(
            f"COPY ({output.table.query} ORDER BY {order}) TO {literal(part)}"
            f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        _sync(part)
        part.replace(target)

    def _drop_strangers(self, release: Manifest, outputs: Sequence[Output]) -> None:
        """Remove what a killed run left in the release's folder."""
        ours = {self._path(release, each) for each in outputs}
        for path in (self.root / release.id).iterdir():
            if path not in ours:
                path.unlink()

    def _path(self, release: Manifest, output: Output) -> Path:
        return self.root / release.id / f"{output.name}.parquet"

    def _manifest(self, release_id: str) -> Manifest:
        path = self.root / release_id / "manifest.json"
        body = _load(path)
        try:
            return Manifest.from_body(body)
        except (KeyError, TypeError) as error:
            raise ReleaseUnreadable(self.name, path.name, f"it lacks {error}") from error

    def _engine(self) -> duckdb.DuckDBPyConnection:
        """Return an engine that reads what is on the disk, and nothing that it read before."""
        if self._reader is None:
            self._reader = duckdb.connect()
            self._reader.execute("SET TimeZone = 'UTC'; SET enable_external_file_cache = false")
        return self._reader

    def _same_content(self, output: Output) -> Path | None:
        served = self.served()
        for manifest in chain([served], self._before(served)) if served else ():
            path = self._path(manifest, output)
            if manifest.digests.get(output.name) == output.digest and path.exists():
                return path
        return None

    def _described(self, release: Manifest, output: Output) -> dict[str, Any]:
        path = self._path(release, output)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        columns = [
            {"name": each.name, "type": each.type, "description": each.description}
            for each in output.table.columns
        ]
        return {
            "name": output.name,
            "path": path.name,
            "bytes": path.stat().st_size,
            "sha256": digest,
            "rows": output.row_count,
            "checksum": output.checksum,
            "description": output.table.description,
            "grain": list(output.table.grain),
            "columns": columns,
            **output.about,
        }


def grain_is_unique(connection: duckdb.DuckDBPyConnection, output: Output, source: str) -> bool:
    """Say whether no two rows of ``source`` have the same grain, and none has a NULL in it."""
    keys = ", ".join(f'"{name}"' for name in output.table.grain)
    nulls = " OR ".join(f'"{name}" IS NULL' for name in output.table.grain)
    found = connection.execute(
        f"SELECT 1 FROM (SELECT 1 FROM {source} GROUP BY {keys} HAVING count(*) > 1"
        f" UNION ALL SELECT 1 FROM {source} WHERE {nulls}) LIMIT 1"
    ).fetchone()
    return found is None


def _words(described: dict[str, Any]) -> dict[str, str | None]:
    return {each["name"]: each["description"] for each in described["columns"]}


def _as_pattern(path: Path) -> str:
    """Return a pattern that only ``path`` matches, since DuckDB takes every path for one."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))


def _link(earlier: Path, target: Path) -> None:
    """Let both releases have the file; copy it where the file system has no links."""
    try:
        os.link(earlier, target)
    except OSError:
        shutil.copyfile(earlier, target)
        _sync(target)


def _number(folder: Path) -> int:
    """Return the number of the release in ``folder``."""
    return int(folder.name[1:])


def _load(path: Path) -> dict[str, Any]:
    try:
        body = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ReleaseUnreadable("files", path.name, str(error)) from error
    if not isinstance(body, dict):
        raise ReleaseUnreadable("files", path.name, "it is no object")
    return body


def _field(path: Path, key: str) -> str:
    body = _load(path)
    if key not in body:
        raise ReleaseUnreadable("files", path.name, f"it lacks {key!r}")
    return str(body[key])


def _replace(path: Path, body: dict[str, Any]) -> None:
    """Replace a file whole: readers see the old one or the new one."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    _replace_text(path, orjson.dumps(body, option=options).decode())


def _replace_text(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    try:
        part.write_text(text)
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise StoreUnusable("files", str(path), str(error), full_disk.advice(error)) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
