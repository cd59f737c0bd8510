"""Publish as files: a folder of Parquet files a table below the release's, and one pointer to the newest.

`latest.json` is the one file that ever changes; it is replaced whole, after all else is there to stay.
Where the files lie, in a folder or in an object store, is no matter here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import orjson

from oso_processors import checksum, full_disk
from oso_processors.errors import ReleaseUnreadable, StoreUnusable
from oso_processors.passing import spill_into
from oso_processors.stores import Manifest, Measured, Output, datapackage, drift, file_parts
from oso_processors.stores.folder import Folder
from oso_processors.stores.place import POINTER, Place


@dataclass(frozen=True, slots=True)
class _Kept:
    """A release that is kept whole, and the files of each of its tables."""

    manifest: Manifest
    files: Mapping[str, Sequence[str]]


class FilesStore:
    """The files store in a place."""

    name = "files"

    def __init__(self, place: Path | Place, passing: Path | None = None) -> None:
        """Use ``place``, which may be the path of a folder; what is too large for memory is ``passing``."""
        self._passing = passing
        self.place: Place = Folder(place) if isinstance(place, Path) else place
        # Starting one takes as long as reading a small table back.
        self._reader: duckdb.DuckDBPyConnection | None = None
        # What may have the same content as the tables of the release of that number, the newest first.
        self._earlier: tuple[int, list[_Kept]] = (0, [])

    def alone(self) -> AbstractContextManager[None]:
        """Be the only one who makes a release here, while it lasts; raise `ReleaseLocked`."""
        return self.place.alone(self.name)

    def holder(self) -> str | None:
        """Say who is `alone` here now."""
        return self.place.holder()

    def served(self) -> Manifest | None:
        """Return the release that latest.json names."""
        served = self._served_id()
        return None if served is None else self._manifest(served)

    def kept(self) -> Sequence[Manifest]:
        """Return the release served, and the whole ones before it, newest first."""
        served = self._served_id()
        return [self._manifest(each) for each in _kept_ids(served, self._releases())]

    def _served_id(self) -> str | None:
        with self._told():
            pointer = self.place.pointer()
        return None if pointer is None else _field(pointer, "release")

    def ready(self, outputs: Sequence[Output]) -> None:
        """Files can always be replaced."""

    def build(
        self, connection: duckdb.DuckDBPyConnection, release: Manifest, output: Output
    ) -> None:
        """Write the table's files, or let them be those of an earlier release with the same content."""
        folder = f"{release.id}/{output.name}"
        with self._told():
            found, earlier = self._parts(release, output)
            missing = [part for part in found if part.name not in earlier]
            rows = output.brought(file_parts.query(output, missing)) if missing else ""
            for part in found:
                target = f"{folder}/{part.name}"
                if part.name in earlier:
                    self.place.copy(earlier[part.name], target)
                    continue
                with self.place.drafted(target) as path:
                    part.write(connection, output, rows, path)
            # What a killed run left here may be of other rows.
            ours = {f"{folder}/{part.name}" for part in found}
            self.place.remove(set(self.place.files(folder)) - ours)

    def measure(self, release: Manifest, output: Output) -> Measured:
        """Read the files back with an engine of its own."""
        with self._told():
            source = file_parts.source(list(self._local(release, output.name).values()))
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
        kept = self._kept(release.id, self._releases().get(release.id, set()))
        wanted = {each.name for each in release.outputs(self.name)}
        if kept.manifest != release or not all(kept.files.get(name) for name in wanted):
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
        files = (file for each in told.values() for file in file_parts.told(each))
        added = sorted(there - {"manifest.json", *datapackage.NAMES, *files})
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

    def outlasting(self) -> Mapping[str, timedelta]:
        """Files are gone at once, unless the bucket keeps versions, of which nothing is known here."""
        return {}

    def source(self, release: Manifest, name: str) -> str | None:
        """Return where DuckDB reads the rows of a kept table."""
        with self._told():
            try:
                return file_parts.source(list(self._local(release, name).values()))
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
        """Compare the files of one table, and what the manifest says of it beside its contents."""
        files = (
            file_parts.told(told)
            if told
            else dict.fromkeys(file_parts.files_of(output.name, there))
        )
        gone = [f"its file {file} is gone" for file in files if file not in there]
        yield from gone or ([] if files else ["its files are gone"])
        if gone or not files:
            return
        if told is None:
            yield "the manifest does not describe it"
        else:
            yield from drift.of_words(output, told["description"], _words(told))
            yield from self._changed_files(release, files)
        try:
            measured = self.measure(release, output)
        except StoreUnusable as error:
            yield f"its files cannot be read: {error.reason}"
            return
        found = [(name, kind) for name, _, kind in (e.partition(" ") for e in measured.columns)]
        wanted = [(each.name, each.type) for each in output.table.columns]
        yield from drift.of_columns(wanted, found)
        yield from drift.of_rows(output, measured.checksum)

    def _changed_files(self, release: Manifest, files: Mapping[str, str | None]) -> Iterator[str]:
        for file, sha256 in files.items():
            with self._told():
                now = file_parts.described({file: self.place.local(f"{release.id}/{file}")})
            if now["sha256"] != sha256:
                yield f"its file {file} was changed: its SHA-256 is another"

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
        found = self.place.releases().get(release.id, set())
        ours = {file for each in outputs for file in file_parts.files_of(each.name, found)}
        self.place.remove(f"{release.id}/{name}" for name in found - ours)

    def _read(self, name: str) -> bytes:
        try:
            return self.place.read(name)
        except OSError as error:
            raise ReleaseUnreadable(self.name, name.rpartition("/")[2], str(error)) from error

    def _manifest(self, release_id: str) -> Manifest:
        return self._kept(release_id, set()).manifest

    def _kept(self, release_id: str, there: set[str]) -> _Kept:
        """Return a release with those of its tables all of whose files are ``there``."""
        name = "manifest.json"
        body = _load(name, self._read(f"{release_id}/{name}"))
        try:
            files = {each["name"]: list(file_parts.told(each)) for each in body.get("tables", ())}
            whole = {name: found for name, found in files.items() if there.issuperset(found)}
            return _Kept(Manifest.from_body(body), whole)
        except (KeyError, TypeError) as error:
            raise ReleaseUnreadable(self.name, name, f"it lacks {error}") from error

    def _engine(self) -> duckdb.DuckDBPyConnection:
        """Return an engine that reads what is on the disk, and nothing that it read before."""
        if self._reader is None:
            self._reader = duckdb.connect()
            self._reader.execute("SET TimeZone = 'UTC'; SET enable_external_file_cache = false")
            if self._passing is not None:
                spill_into(self._passing, self._reader)
        return self._reader

    def _parts(
        self, release: Manifest, output: Output
    ) -> tuple[list[file_parts.Part], dict[str, str]]:
        """Return the files that ``output`` is put as, and which of them an earlier release has, and where."""
        same = self._files_with(release, output.name, output.digest)
        if same:
            return [file_parts.Part(name) for name in same], same
        found, changed = file_parts.parts(output), output.changed
        if changed is None:
            return found, {}
        before = self._files_with(release, output.name, changed.before)
        kept = {part.name for part in found if part.is_as_before(changed)} & before.keys()
        return found, {name: before[name] for name in kept}

    def _files_with(self, release: Manifest, table: str, content: str) -> dict[str, str]:
        """Return the files of an earlier release in which the table has this content."""
        if self._earlier[0] != release.number:
            # Who looks once a release and not once a table has a fraction of the calls to an object store.
            found = self.place.releases()
            ids = _kept_ids(self._served_id(), found)
            self._earlier = release.number, [self._kept(e, found.get(e, set())) for e in ids]
        for kept in self._earlier[1]:
            if kept.manifest.digests.get(table) == content and kept.files.get(table):
                return {
                    file_parts.name_in_folder(table, file): f"{kept.manifest.id}/{file}"
                    for file in kept.files[table]
                }
        return {}

    def _local(self, release: Manifest, table: str) -> dict[str, Path]:
        """Return the table's files, by their names in the release, on this machine; there is at least one."""
        folder = f"{release.id}/"
        names = [name.removeprefix(folder) for name in self.place.files(f"{folder}{table}")]
        files = file_parts.files_of(table, names) or [f"{table}.parquet"]
        return {file: self.place.local(f"{folder}{file}") for file in files}

    def _described(self, release: Manifest, output: Output) -> dict[str, Any]:
        columns = [
            {"name": each.name, "type": each.type, "description": each.description}
            for each in output.table.columns
        ]
        return {
            "name": output.name,
            **file_parts.described(self._local(release, output.name)),
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


def _kept_ids(served: str | None, found: Mapping[str, set[str]]) -> list[str]:
    """Return the release served and the whole ones before it, the newest first."""
    if served is None:
        return []
    whole = [each for each, names in found.items() if "manifest.json" in names]
    before = [each for each in whole if _number(each) < _number(served)]
    return [served, *sorted(before, key=_number, reverse=True)]


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
