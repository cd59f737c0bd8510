"""Write the warehouse's file anew: rows that were replaced stay in it until their room is used again."""

from __future__ import annotations

from pathlib import Path

import duckdb

from oso_processors.collectors.landing import raise_if_full
from oso_processors.errors import WarehouseLocked
from oso_processors.sql import literal
from oso_processors.stores.folder import sync
from oso_processors.warehouse_file import CONFIG


def compact(path: Path, catalog: str) -> None:
    """Replace the file at ``path`` by a copy that holds nothing but what its tables show.

    Nobody may have it open. Raise `WarehouseLocked` or `NoSpaceLeft`; then the file is as it was.
    """
    part = path.with_suffix(".part")
    _remove(part)
    try:
        with duckdb.connect(config=CONFIG) as connection:
            connection.execute(f"SET temp_directory = {literal(f'{path}.tmp')}")
            connection.execute(f'ATTACH {literal(path)} AS "{catalog}"')
            connection.execute(f"ATTACH {literal(part)} AS anew")
            connection.execute(f'COPY FROM DATABASE "{catalog}" TO anew')
            connection.execute(f'DETACH "{catalog}"; DETACH anew')
    except duckdb.Error as error:
        _remove(part)
        raise_if_full(error)
        raise WarehouseLocked(str(path), str(error)) from None
    sync(part)
    part.replace(path)
    sync(path.parent)


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    part.with_name(f"{part.name}.wal").unlink(missing_ok=True)
