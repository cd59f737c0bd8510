"""Stream the rows of a DuckDB query into a Postgres table, in bounded memory.

DuckDB writes Postgres's own binary form into a pipe and psycopg passes the blocks on. A pipe that ends
early looks like a pipe that ends, so a producer that fails raises before the copy is closed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_postgres_scanner as scanner
from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier

BLOCK = 1 << 18


def copy(
    source: duckdb.DuckDBPyConnection, query: str, target: Connection[Any], table: Identifier
) -> int:
    """Copy the rows of ``query`` into ``table`` and return how many arrived.

    The table must have been made in the same transaction: its rows are frozen, so that a reader with
    an older snapshot sees them rather than nothing.
    """
    source.execute(f"LOAD '{_extension()}'")
    with target.cursor() as cursor, _produced(source, query) as blocks:
        with cursor.copy(_statement(table)) as copying:
            for block in blocks:
                copying.write(block)
        return cursor.rowcount


def _statement(table: Identifier) -> Composed:
    return SQL("COPY {} FROM STDIN WITH (FORMAT binary, FREEZE)").format(table)


@contextmanager
def _produced(source: duckdb.DuckDBPyConnection, query: str) -> Iterator[Iterator[bytes]]:
    """Give the blocks that a thread of DuckDB writes while they are read."""
    reading, writing = os.pipe()
    failures: list[duckdb.Error] = []
    producer = source.cursor()

    def produce() -> None:
        try:
            producer.execute(
                f"COPY ({query}) TO '/dev/fd/{writing}' (FORMAT postgres_binary, USE_TMP_FILE false)"
            )
        except duckdb.Error as error:
            failures.append(error)
        finally:
            os.close(writing)

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        yield _blocks(reading, failures, thread)
    finally:
        # Closing our end makes a producer that is still writing stop.
        os.close(reading)
        thread.join()
        producer.close()


def _blocks(
    reading: int, failures: list[duckdb.Error], thread: threading.Thread
) -> Iterator[bytes]:
    while block := os.read(reading, BLOCK):
        yield block
    thread.join()
    if failures:
        raise failures[0]


@cache
def _extension() -> Path:
    """Return the extension file that the wheel brings; nothing is downloaded."""
    folder = Path(scanner.__file__).parent / "extensions"
    return next(folder.glob("*/postgres_scanner.duckdb_extension"))
