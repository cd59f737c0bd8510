"""Run the emulator until whoever started it is gone; run by the Python of its own environment."""

import os
import sys
import threading

import duckdb

connect = duckdb.connect


def connect_with_time_zone(*arguments, config=None, **options):
    """Connect as DuckDB 1.5 wants it: the time zone is known only once the connection is there."""
    settings = dict(config or {})
    zone = settings.pop("TimeZone", None)
    connection = connect(*arguments, config=settings, **options)
    if zone:
        connection.execute(f"SET GLOBAL TimeZone = '{zone}'")
    return connection


def end_with_the_tests():
    """End when standard input does: it is a pipe that dies with the process that holds it."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    duckdb.connect = connect_with_time_zone
    threading.Thread(target=end_with_the_tests, daemon=True).start()
    from local_bigquery.cli import main

    sys.exit(main())
