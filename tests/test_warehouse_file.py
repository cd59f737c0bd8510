"""Whoever makes the warehouse's file, DuckDB writes it in its own form."""

from __future__ import annotations

from pathlib import Path

import duckdb

from oso_processors.forgetting.compaction import compact
from oso_processors.pipeline import raw_connection


def form_of(path: Path) -> str:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS it (READ_ONLY)")
        ((tags,),) = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'it'"
        ).fetchall()
    return str(tags["storage_version"])


def made_by(path: Path, option: str = "") -> Path:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS it {option}; CREATE TABLE it.t AS SELECT 1 AS one")
    return path


def test_collecting_makes_a_file_in_duckdbs_own_form(settings, tmp_path):
    own = form_of(made_by(tmp_path / "own", "(STORAGE_VERSION 'latest')"))
    assert own != form_of(made_by(tmp_path / "old"))

    with raw_connection(settings):
        pass

    assert form_of(settings.warehouse) == own


def test_a_file_of_the_older_form_is_read_and_takes_the_own_form_when_it_is_written_anew(tmp_path):
    path = made_by(tmp_path / "warehouse.duckdb")
    own = form_of(made_by(tmp_path / "own", "(STORAGE_VERSION 'latest')"))

    compact(path, "oso")

    assert form_of(path) == own
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("FROM t").fetchall() == [(1,)]
