"""Parquet files that a person named, read whole."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from oso_processors.errors import ConfigFailure


def parquet_table(path: Path) -> pa.Table:
    """Return the rows of a file; raise `ConfigFailure` when it is no Parquet."""
    try:
        return pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ConfigFailure(f"{path}: is no Parquet: {error}") from None
