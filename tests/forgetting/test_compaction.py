"""The warehouse's file written anew."""

from __future__ import annotations

import duckdb
import pytest

from oso_processors.errors import WarehouseLocked
from oso_processors.forgetting.compaction import compact


def test_what_was_replaced_is_no_more_in_the_file_and_all_else_is(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS oso; CREATE SCHEMA oso.raw; USE oso")
        # Else what is in the file could not be read there.
        connection.execute("SET force_compression = 'uncompressed'")
        connection.execute(
            "CREATE TABLE raw.t AS SELECT 'somebody-' || range AS who FROM range(5000)"
        )
        connection.execute("CREATE VIEW raw.v AS FROM oso.raw.t; CHECKPOINT")
        connection.execute("UPDATE raw.t SET who = 'nobody'")
    assert b"somebody-" in path.read_bytes()

    compact(path, "oso")

    assert b"somebody-" not in path.read_bytes()
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS oso")
        assert connection.execute(
            "SELECT DISTINCT who, count(*) FROM oso.raw.v GROUP BY ALL"
        ).fetchall() == [("nobody", 5000)]
    assert [each.name for each in tmp_path.iterdir()] == ["warehouse.duckdb"]


def test_a_file_that_cannot_be_read_stays_as_it_is(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(b"no warehouse" * 1000)

    with pytest.raises(WarehouseLocked, match="cannot be opened"):
        compact(path, "oso")

    assert [each.name for each in tmp_path.iterdir()] == ["warehouse.duckdb"]
