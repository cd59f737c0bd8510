"""Publish as files: one Parquet file a table below the release's folder, and one pointer to the newest.

`latest.json` is the one file that ever changes; it is replaced whole, after all else is on the disk.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import orjson

from oso_processors import checksum
from oso_processors.errors import StoreUnusable
from oso_processors.stores import Manifest, Measured, Output

ROW_GROUP = 122_880


class FilesStore:
    """The files store in the folder ``root``."""

    name = "files"

    def __init__(self, root: Path) -> None:
        """Use ``root``, which is made when the first release is."""
        self.root = root

    def served(self) -> Manifest | None:
        """Return the release that latest.json names."""
        pointer = self.root / "latest.json"
        if not pointer.exists():
            return None
        return self._manifest(str(_load(pointer)["release"]))

    def kept(self) -> Sequence[Manifest]:
        """Return the release served, and the whole ones before it, newest first."""
        served = self.served()
        if served is None:
            return []
        found = [self._manifest(path.parent.name) for path in self.root.glob("r*/manifest.json")]
        older = sorted(
            (each for each in found if each.number < served.number), key=lambda m: -m.number
        )
        return [served, *older]

    def build(
        self, connection: duckdb.DuckDBPyConnection, release: Manifest, output: Output
    ) -> None:
        """Write the table's file, or link the one of an earlier release with the same content."""
        if "files" not in output.options:
            return
        target = self._path(release, output)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            earlier = self._same_content(output)
            if earlier is not None:
                os.link(earlier, target)
                return
            part = target.with_suffix(".part")
            order = ", ".join(f'"{name}"' for name in output.table.grain)
            connection.execute(
                f"COPY ({output.table.query} ORDER BY {order}) TO '{part}'"
                f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
            )
            _sync(part)
            part.replace(target)
        except (OSError, duckdb.IOException) as error:
            raise StoreUnusable(self.name, str(self.root), str(error).splitlines()[0]) from error

    def measure(self, release: Manifest, output: Output) -> Measured:
        """Read the file back with an engine of its own."""
        source = f"read_parquet('{self._path(release, output)}')"
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            described = connection.execute(f"DESCRIBE FROM {source}").fetchall()
            found = connection.execute(checksum.duckdb_sql(output.table, source)).fetchone()
            is_unique = grain_is_unique(connection, output, source)
        return Measured(
            checksum.text(found), [f"{row[0]} {row[1]}" for row in described], is_unique
        )

    def publish(self, release: Manifest, outputs: Sequence[Output]) -> None:
        """Write the manifest, then replace the pointer."""
        tables = [self._described(release, each) for each in outputs if "files" in each.options]
        body = {
            "release": release.id,
            "number": release.number,
            "released_at": release.released_at,
            "digests": dict(release.digests),
            "tables": tables,
        }
        _replace(self.root / release.id / "manifest.json", body)
        pointer = {"release": release.id, "manifest": f"{release.id}/manifest.json"}
        _replace(self.root / "latest.json", {**pointer, "released_at": release.released_at})

    def sweep(self, keep: Iterable[Manifest]) -> None:
        """Remove the folders of other releases, finished or not."""
        wanted = {each.id for each in keep}
        for folder in self.root.glob("r*"):
            if folder.is_dir() and folder.name not in wanted:
                shutil.rmtree(folder)

    def _path(self, release: Manifest, output: Output) -> Path:
        return self.root / release.id / f"{output.name}.parquet"

    def _manifest(self, release_id: str) -> Manifest:
        body = _load(self.root / release_id / "manifest.json")
        return Manifest(body["number"], body["released_at"], body["digests"])

    def _same_content(self, output: Output) -> Path | None:
        for manifest in self.kept():
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


def _load(path: Path) -> dict[str, Any]:
    try:
        body: dict[str, Any] = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise StoreUnusable("files", str(path), str(error)) from error
    return body


def _replace(path: Path, body: dict[str, Any]) -> None:
    """Replace a file whole: readers see the old one or the new one."""
    part = path.with_suffix(".part")
    try:
        part.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise StoreUnusable("files", str(path), str(error)) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
