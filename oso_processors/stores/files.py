"""Publish as files: one Parquet file a table below the release's folder, and one pointer to the newest.

`latest.json` is the one file that ever changes; it is replaced whole, after all else is there to stay.
Where the files lie, in a folder or in an object store, is no matter here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import orjson

from oso_processors import checksum, full_disk
from oso_processors.errors import ReleaseUnreadable, StoreUnusable
from oso_processors.sql import literal
from oso_processors.stores import Manifest, Measured, Output, datapackage, drift
from oso_processors.stores.folder import Folder
from oso_processors.stores.place import POINTER, Place

ROW_GROUP = 122_880


class FilesStore:
    """The files store in a place."""

    name = "files"

    def __init__(self, place: Path | Place) -> None:
        """Use ``place``, which may be the path of a folder."""
        self.place: Place = Folder(place) if isinstance(place, Path) else place
        # Starting one takes as long as reading a small table back.
        self._reader: duckdb.DuckDBPyConnection | None = None
        # What may have the same content as the tables of the release of that number, the newest first.
        self._earlier: tuple[int, list[tuple[Manifest, set[str]]]] = (0, [])

    def alone(self) -> AbstractContextManager[None]:
        """Be the only one who makes a release here, while it lasts; raise `ReleaseLocked`."""
        return self.place.alone(self.name)

    def holder(self) -> str | None:
        """Say who is `alone` here now."""
        return self.place.holder()

    def served(self) -> Manifest | None:
        """Return the release that latest.json names."""
        with self._told():
            pointer = self.place.pointer()
        return None if pointer is None else self._manifest(_field(pointer, "release"))

    def kept(self) -> Sequence[Manifest]:
        """Return the release served, and the whole ones before it, newest first."""
        served = self.served()
        if served is None:
            return []
        return [served, *self._before(served, self._releases())]

    def _before(self, served: Manifest, found: dict[str, set[str]]) -> Iterator[Manifest]:
        """Give the whole releases before the one served, the newest first."""
        for release_id in sorted(found, key=_number, reverse=True):
            if _number(release_id) < served.number and "manifest.json" in found[release_id]:
                yield self._manifest(release_id)

    def ready(self, outputs: Sequence[Output]) -> None:
        """Files can always be replaced."""

    def build(
        self, connection: duckdb.DuckDBPyConnection, release: Manifest, output: Output
    ) -> None:
        """Write the table's file, or let it be that of an earlier release with the same content."""
        with self._told():
            earlier = self._same_content(release, output)
            if earlier is not None:
                self.place.copy(earlier, _file(release, output.name))
                return
            with self.place.drafted(_file(release, output.name)) as path:
                _write(connection, output, path)

    def measure(self, release: Manifest, output: Output) -> Measured:
        """Read the file back with an engine of its own."""
        with self._told():
            source = _source(self.place.local(_file(release, output.name)))
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
            body = {"release": release.id, **release.body(), "tables": tables}
            written = {
                "datapackage.json": _json(datapackage.datapackage(release, tables)),
                "CITATION.cff": datapackage.citation(release).encode(),
                "manifest.json": _json(body),
            }
            for name, content in written.items():
                self.place.write(f"{release.id}/{name}", content)
            self._point(release)

    def switch(self, release: Manifest) -> None:
        """Let the pointer name a kept release again."""
        there = self._releases().get(release.id, set())
        wanted = {f"{each.name}.parquet" for each in release.outputs(self.name)}
        if wanted - there or self._manifest(release.id) != release:
            raise StoreUnusable(self.name, release.id, "is not kept whole")
        with self._told():
            self._point(release)

    def drift(self, release: Manifest) -> list[str]:
        """Compare files, and what the manifest says of them."""
        manifest = _load("manifest.json", self._read(f"{release.id}/manifest.json"))
        told = {each["name"]: each for each in manifest["tables"]}
        there = self._releases().get(release.id, set())
        outputs = release.outputs(self.name)
        lines = [
            f"{each.name}: {line}"
            for each in outputs
            for line in self._drift_of(release, each, told.get(each.name), there)
        ]
        ours = {"manifest.json", *datapackage.NAMES, *(f"{each.name}.parquet" for each in outputs)}
        added = sorted(there - ours)
        lines += [f"{name}: the file is no part of the release" for name in added]
        return [f"{self.name}: {line}" for line in lines]

    def left_over(self) -> list[str]:
        """Name the folders of releases that were never finished, or were taken back at once."""
        served = self.served()
        newest = served.number if served else 0
        return sorted(
            release_id
            for release_id, names in self._releases().items()
            if _number(release_id) > newest or "manifest.json" not in names
        )

    def source(self, release: Manifest, name: str) -> str | None:
        """Return where DuckDB reads the rows of a kept table."""
        with self._told():
            try:
                return _source(self.place.local(_file(release, name)))
            except FileNotFoundError:
                return None

    def sweep(self, keep: Iterable[Manifest]) -> None:
        """Remove the files of other releases, finished or not."""
        wanted = {each.id for each in keep}
        self._earlier = (0, [])
        for release_id in self._releases():
            if release_id not in wanted:
                with self._told():
                    self.place.drop(release_id)

    def _point(self, release: Manifest) -> None:
        pointer = {"release": release.id, "manifest": f"{release.id}/manifest.json"}
        self.place.point(_json({**pointer, "released_at": release.released_at}))

    def _drift_of(
        self, release: Manifest, output: Output, told: dict[str, Any] | None, there: set[str]
    ) -> Iterator[str]:
        """Compare the file of one table, and what the manifest says of it beside its contents."""
        if f"{output.name}.parquet" not in there:
            yield "its file is gone"
            return
        with self._told():
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

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what the disk or the engine refuses in one line."""
        try:
            yield
        except (OSError, duckdb.Error) as error:
            reason = str(error).splitlines()[0]
            raise StoreUnusable(
                self.name, str(self.place), reason, full_disk.advice(error)
            ) from error

    def _releases(self) -> dict[str, set[str]]:
        with self._told():
            return self.place.releases()

    def _drop_strangers(self, release: Manifest, outputs: Sequence[Output]) -> None:
        """Remove what a killed run left in the release's folder."""
        ours = {_file(release, each.name) for each in outputs}
        found = {f"{release.id}/{name}" for name in self.place.releases().get(release.id, ())}
        self.place.remove(found - ours)

    def _read(self, name: str) -> bytes:
        try:
            return self.place.read(name)
        except OSError as error:
            raise ReleaseUnreadable(self.name, name.rpartition("/")[2], str(error)) from error

    def _manifest(self, release_id: str) -> Manifest:
        name = "manifest.json"
        body = _load(name, self._read(f"{release_id}/{name}"))
        try:
            return Manifest.from_body(body)
        except (KeyError, TypeError) as error:
            raise ReleaseUnreadable(self.name, name, f"it lacks {error}") from error

    def _engine(self) -> duckdb.DuckDBPyConnection:
        """Return an engine that reads what is on the disk, and nothing that it read before."""
        if self._reader is None:
            self._reader = duckdb.connect()
            self._reader.execute("SET TimeZone = 'UTC'; SET enable_external_file_cache = false")
        return self._reader

    def _same_content(self, release: Manifest, output: Output) -> str | None:
        """Name the file of an earlier release with the same content."""
        if self._earlier[0] != release.number:
            # Who looks once a release and not once a table has a fraction of the calls to an object store.
            found = self.place.releases()
            served = self.served()
            kept = [served, *self._before(served, found)] if served else []
            self._earlier = release.number, [(each, found.get(each.id, set())) for each in kept]
        for manifest, names in self._earlier[1]:
            is_same = manifest.digests.get(output.name) == output.digest
            if is_same and f"{output.name}.parquet" in names:
                return _file(manifest, output.name)
        return None

    def _described(self, release: Manifest, output: Output) -> dict[str, Any]:
        path = self.place.local(_file(release, output.name))
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


def _write(connection: duckdb.DuckDBPyConnection, output: Output, target: Path) -> None:
    order = ", ".join(f'"{name}"' for name in output.table.grain)
    connection.execute(
        f"COPY ({output.table.query} ORDER BY {order}) TO {literal(target)}"
        f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
    )


def _file(release: Manifest, table: str) -> str:
    return f"{release.id}/{table}.parquet"


def _source(path: Path) -> str:
    """Return what reads ``path`` only, since DuckDB takes every path for a pattern."""
    pattern = re.sub(r"([\[*?])", r"[\1]", str(path))
    return f"read_parquet({literal(pattern)})"


def _words(described: dict[str, Any]) -> dict[str, str | None]:
    return {each["name"]: each["description"] for each in described["columns"]}


def _number(release_id: str) -> int:
    return int(release_id[1:])


def _load(name: str, content: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ReleaseUnreadable("files", name, str(error)) from error
    if not isinstance(body, dict):
        raise ReleaseUnreadable("files", name, "it is no object")
    return body


def _field(pointer: bytes, key: str) -> str:
    body = _load(POINTER, pointer)
    if key not in body:
        raise ReleaseUnreadable("files", POINTER, f"it lacks {key!r}")
    return str(body[key])


def _json(body: dict[str, Any]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
