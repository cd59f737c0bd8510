"""Stream the rows of a DuckDB query into a Postgres table, in bounded memory.

DuckDB writes Postgres's own binary form into a pipe and psycopg passes the blocks on. A pipe that ends
early looks like a pipe that ends, so a producer that fails raises before the copy is closed. Where the
extension that writes the binary form cannot be loaded, the rows go as CSV, which costs twice the CPU.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import duckdb
from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier

from oso_processors.checksum import NARROW_DIGITS, narrow_places
from oso_processors.sql import literal

BLOCK = 1 << 18
Form = Literal["binary", "csv"]
OPTIONS = {
    "binary": "FORMAT postgres_binary",
    # Every value is quoted, so that an empty text is not taken for NULL.
    "csv": "FORMAT csv, HEADER false, FORCE_QUOTE *",
}
# What Postgres reads differently from how DuckDB writes it.
TEXTS = {
    "TIMESTAMP WITH TIME ZONE": "make_timestamp(epoch_us({c}))::VARCHAR || '+00'",
    "VARCHAR[]": r"""'{{' || array_to_string(list_transform({c}, lambda x: coalesce(
        '"' || replace(replace(x, '\', '\\'), '"', '\"') || '"', 'NULL')), ',') || '}}'""",
}


def copy(
    source: duckdb.DuckDBPyConnection,
    query: str,
    target: Connection[Any],
    table: Identifier,
    form: Form | None = None,
) -> int:
    """Copy the rows of ``query`` into ``table`` and return how many arrived.

    The table must have been made in the same transaction: its rows are frozen, so that a reader with
    an older snapshot sees them rather than nothing. ``form`` is the best there is when left out.
    """
    chosen = form or best_form(source)
    rows = _narrowed(source, query) if chosen == "binary" else _as_text(source, query)
    with target.cursor() as cursor:
        with (
            _produced(source, rows, OPTIONS[chosen]) as blocks,
            cursor.copy(_statement(table, chosen)) as copying,
        ):
            for block in blocks:
                copying.write(block)
        return cursor.rowcount


def best_form(source: duckdb.DuckDBPyConnection) -> Form:
    """Return binary where the extension that the wheel brings can be loaded, else csv."""
    wheel = importlib.util.find_spec("duckdb_extension_postgres_scanner")
    if wheel is None or wheel.origin is None:
        return "csv"
    files = sorted((Path(wheel.origin).parent / "extensions").rglob("*.duckdb_extension"))
    try:
        for path in files:
            source.execute(f"LOAD {literal(path)}")
    except duckdb.Error:
        return "csv"
    return "binary" if files else "csv"


def _statement(table: Identifier, form: Form) -> Composed:
    options = "binary" if form == "binary" else "csv, ENCODING 'UTF8'"
    return SQL("COPY {} FROM STDIN WITH (FORMAT {}, FREEZE)").format(table, SQL(options))


def _narrowed(source: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return ``query`` with decimals of up to 18 digits where their values allow it.

    Those of more digits take DuckDB thirty times as long to write.
    """
    found = [
        (name, places)
        for name, kind, *_ in source.execute(f"DESCRIBE {query}").fetchall()
        if (places := narrow_places(kind)) is not None
    ]
    if not found:
        return query
    limits = [
        f'coalesce(max(abs("{name}")), 0) < {10 ** (NARROW_DIGITS - scale)}'
        for name, scale in found
    ]
    fits = source.execute(f"SELECT {', '.join(limits)} FROM ({query})").fetchall()[0]
    casts = [
        f'CAST("{name}" AS DECIMAL({NARROW_DIGITS},{scale})) AS "{name}"'
        for (name, scale), fit in zip(found, fits, strict=True)
        if fit
    ]
    return f"SELECT * REPLACE ({', '.join(casts)}) FROM ({query})" if casts else query


def _as_text(source: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return ``query`` with the columns that DuckDB writes in a way of its own as Postgres's text."""
    columns = source.execute(f"DESCRIBE {query}").fetchall()
    listed = ", ".join(
        TEXTS.get(row[1], "{c}").format(c='"' + row[0].replace('"', '""') + '"') for row in columns
    )
    return f"SELECT {listed} FROM ({query})"


@contextmanager
def _produced(
    source: duckdb.DuckDBPyConnection, query: str, options: str
) -> Iterator[Iterator[bytes]]:
    """Give the blocks that a thread of DuckDB writes while they are read."""
    reading, writing = os.pipe()
    failures: list[duckdb.Error] = []
    producer = source.cursor()

    def produce() -> None:
        try:
            producer.execute(
                f"COPY ({query}) TO '/dev/fd/{writing}' ({options}, USE_TMP_FILE false)"
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
        producer.interrupt()
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
