"""The release that is to be made: its number, and its own tables beside the outputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from oso_processors.release.changes import Change, Side, counted, differences
from oso_processors.release.measure import Wish, measured
from oso_processors.release.record import again, record
from oso_processors.stores import Manifest, Output, Store
from oso_processors.tables import Table

# A release's own tables are the same whichever stores are there.
EVERYWHERE: Mapping[str, Mapping[str, Any]] = {"bigquery": {}, "files": {}, "postgres": {}}
OWN = {"owner": "release", "tier": "stable"}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a release.

    `reason` and `commit` are written down with it; `may_shrink` names the outputs, or `all`, that may lose
    more rows than is taken for sound, `may_be_stale` and `may_lack` those whose sources may be old or
    have gaps, and `doubts` say why others may not change; `again` lets out what a rollback took back;
    `keep` is how long releases are kept.
    """

    reason: str = ""
    commit: str | None = None
    may_shrink: Collection[str] = ()
    may_be_stale: Collection[str] = ()
    may_lack: Collection[str] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)
    again: bool = False
    keep: Mapping[str, timedelta] = field(default_factory=dict)


def make(
    connection: duckdb.DuckDBPyConnection,
    number: int,
    outputs: Sequence[Output],
    stores: Sequence[Store],
    newest: Manifest | None,
    request: Request,
    as_before: Sequence[Output] = (),
) -> tuple[Manifest, list[Output]]:
    """Return the release that is to be made, and its outputs with the release's own tables.

    A ``number`` that is ``newest``'s means that some store is to be brought up to that; ``as_before``
    are own tables that stay as an earlier release had them.
    """
    if newest is not None and number == newest.number:
        same = _whole(newest, outputs, _own_tables_of(connection, newest, stores))
        if same[0] == newest:
            return same
        # We say other things of a release than we did then, so it cannot have the same name.
        number += 1
    now = datetime.now(UTC).isoformat(timespec="seconds")
    past = newest.remembered() if newest else ()
    contents = {each.name: each.published() for each in outputs}
    draft = Manifest(number, now, contents, past, request.reason)
    changes = _changes(connection, outputs, stores, newest, request.commit)
    before = source_of(stores, newest, "_changes")
    tables = record(connection, draft, outputs, changes, before)
    known = {each.name for each in as_before}
    new = [measured(connection, _own(each)) for each in tables if each.name not in known]
    return _whole(draft, outputs, [*new, *as_before])


def source_of(stores: Sequence[Store], release: Manifest | None, name: str) -> str | None:
    """Return where DuckDB reads the rows of a kept table, in whichever store it can."""
    if release is None or name not in release.contents:
        return None
    return next((found for store in stores if (found := store.source(release, name))), None)


def _own_tables_of(
    connection: duckdb.DuckDBPyConnection, release: Manifest, stores: Sequence[Store]
) -> list[Output]:
    """Return a release's own tables as they were published; none when they cannot be read."""
    names = [name for name in release.contents if name.startswith("_")]
    sources = {name: source_of(stores, release, name) for name in names}
    found = {name: source for name, source in sources.items() if source is not None}
    if len(found) < len(names):
        return []
    return [measured(connection, _own(each)) for each in again(connection, release, found)]


def _own(table: Table) -> Wish:
    return Wish(table, EVERYWHERE, OWN)


def _whole(
    draft: Manifest, outputs: Sequence[Output], own: Sequence[Output]
) -> tuple[Manifest, list[Output]]:
    whole = [*outputs, *own]
    return replace(draft, contents={each.name: each.published() for each in whole}), whole


def _changes(
    connection: duckdb.DuckDBPyConnection,
    outputs: Sequence[Output],
    stores: Sequence[Store],
    newest: Manifest | None,
    commit: str | None,
) -> list[Change]:
    """Compare the outputs with what is served: shapes always, rows where those before can be read."""
    before = {n: t for n, t in (newest.contents if newest else {}).items() if n[0] != "_"}
    by_name = {each.name: each for each in outputs}
    changes = differences(before, {name: each.published() for name, each in by_name.items()})

    def side(name: str) -> Side | None:
        source = source_of(stores, newest, name)
        return (before[name], source) if source else None

    found = []
    for change in changes:
        old, new = side(change.table), by_name.get(change.table)
        # Only to be compared with, rows are brought here.
        rows = new and (new.brought(new.moved()) if old else new.moved())
        now = (new.published(), f"({rows})") if new else None
        is_unread = (old is None and change.table in before) or (new and not new.table.query)
        if old and new and new.changed:
            old = (old[0], f"({new.changed.of(f'SELECT * FROM {old[1]}')})")
            change = replace(change, kind="incremental")
        counts = None if is_unread else counted(connection, old, now)
        found.append(replace(change, counts=counts, commit=commit))
    return found
