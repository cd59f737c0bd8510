"""The raw tables: made from the connectors' own schemas, so that models find them from the first plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from oso_processors.collectors.schema import columns
from oso_processors.collectors.source import GAPS, REJECTS, TEXT, Source, Stream

COMMON = {"_load_id": "BIGINT", "_extracted_at": "TIMESTAMPTZ"}
SHARED: Mapping[str, Mapping[str, Any]] = {"gaps": GAPS, "rejects": REJECTS}
LEDGERS = (
    "CREATE TABLE IF NOT EXISTS raw._state "
    "(source VARCHAR, stream VARCHAR, state VARCHAR, updated_at TIMESTAMPTZ)",
    "CREATE TABLE IF NOT EXISTS raw._loads (load_id BIGINT, source VARCHAR, stream VARCHAR, "
    "rows BIGINT, committed_at TIMESTAMPTZ)",
    "CREATE TABLE IF NOT EXISTS raw._origins (source VARCHAR, origin VARCHAR)",
    # Who was forgotten, by keyed hashes; which forgettings there were, and how far they are.
    "CREATE TABLE IF NOT EXISTS raw._forgotten (secret VARCHAR, kind VARCHAR, hash VARCHAR, "
    "is_bot BOOLEAN, key_hash VARCHAR, forgotten_at TIMESTAMPTZ)",
    "CREATE TABLE IF NOT EXISTS raw._forgettings (id VARCHAR, facts VARCHAR, steps VARCHAR[], "
    "asked_at TIMESTAMPTZ, finished_at TIMESTAMPTZ)",
    # What was rewritten since the last whole build, and from which time on.
    "CREATE TABLE IF NOT EXISTS raw._rewritten (raw_table VARCHAR, since TIMESTAMPTZ)",
)


def table_name(source: str, stream: str) -> str:
    """Return the name, in the schema raw, of the table that a stream lands in."""
    return stream if stream in SHARED else f"{source}__{stream}"


def table_columns(stream: str, json_schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns of a stream's table with their types."""
    if stream in SHARED:
        return {"source": "VARCHAR", **columns(SHARED[stream]), **COMMON}
    return {**columns(json_schema), **COMMON}


def create_table(source: str, stream: str, json_schema: Mapping[str, Any]) -> str:
    """Return the statement that makes a stream's table unless it is there."""
    listed = ", ".join(
        f'"{name}" {sql_type}' for name, sql_type in table_columns(stream, json_schema).items()
    )
    return f'CREATE TABLE IF NOT EXISTS raw."{table_name(source, stream)}" ({listed})'


@cache
def create_statements() -> Sequence[str]:
    """Return the statements that make every raw table of our own collectors, where missing."""
    tables = [
        create_table(source.name, stream.name, stream.json_schema)
        for source in own_sources()
        for stream in source.streams({})
    ]
    return ["CREATE SCHEMA IF NOT EXISTS raw", *LEDGERS, *dict.fromkeys(tables)]


def own_sources() -> Sequence[Source]:
    """Return our own collectors."""
    from oso_processors.collectors.dependency_graph import DependencyGraph
    from oso_processors.collectors.gharchive import Gharchive
    from oso_processors.collectors.git_history import GitHistory
    from oso_processors.collectors.onchain import Onchain
    from oso_processors.collectors.open_collective import OpenCollective
    from oso_processors.collectors.open_dev_data import OpenDevData
    from oso_processors.collectors.oss_directory import OssDirectory
    from oso_processors.collectors.oss_funding import OssFunding
    from oso_processors.collectors.registries import Registries

    return (
        OssDirectory(),
        Gharchive(),
        GitHistory(),
        OssFunding(),
        Registries(),
        DependencyGraph(),
        OpenDevData(),
        OpenCollective(),
        Onchain(),
    )


def shared_streams() -> tuple[Stream, Stream]:
    """Return the streams that every collector of ours has: what is missing, and what was refused."""
    return (Stream("gaps", GAPS), Stream("rejects", REJECTS))


__all__ = ["TEXT", "create_statements", "create_table", "shared_streams", "table_name"]
