"""Go back: a new release of the tables of an earlier one, which every store still has.

Nothing is copied. Being a release like any other, it has a number and a reason that readers see, and a
crash between two stores is finished by running it again. Until it is followed by another release, what it
took back is not published again as it was, unless somebody says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import duckdb

from oso_processors.errors import NotKept, ReleaseError
from oso_processors.progress import Progress
from oso_processors.release.making import Note, make, source_of
from oso_processors.release.plan import newest_of
from oso_processors.release.retention import kept as retained
from oso_processors.release.verify import verify
from oso_processors.stores import Manifest, Output, Store, TookBack

# Where a release finds what builds and collectors kept, and how that is told from what was published.
KEPT = {
    "_audits": "CREATE TABLE raw._audits AS FROM {}",
    "_gaps": "CREATE TABLE raw.gaps AS SELECT * EXCLUDE (gap, subject), subject AS detail FROM {}",
}


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What was done: `release` is served, with the tables of `target`; nothing was when `before` is it."""

    before: Manifest
    target: Manifest
    release: Manifest


def rollback(
    connection: duckdb.DuckDBPyConnection,
    stores: Sequence[Store],
    progress: Progress,
    name: str | None = None,
    reason: str = "",
    policy: Mapping[str, timedelta] | None = None,
) -> RolledBack:
    """Serve the tables of release ``name``, or of the one before that served, in all stores or in none.

    ``connection`` is to an empty database. Without ``name``, one that was rolled back stays so. Raise
    `NotKept`, and what `release` raises; then the release before is still served.
    """
    kept = {store.name: list(store.kept()) for store in stores}
    before = newest_of(each for releases in kept.values() for each in releases[:1])
    if before is None:
        raise NotKept("the release before", tuple(kept), ())
    target = _target(kept, before, name)
    if target.origin == before.origin:
        number, told, took_back = before.number, before.reason, before.took_back
    else:
        number, took_back = before.number + 1, _taken(before, target)
        told = ": ".join(filter(None, [f"rollback from {before.id} to r{took_back.to}", reason]))
    outputs = _as_they_were(connection, target, stores)
    made, whole = make(connection, number, outputs, stores, before, Note(told))
    made = replace(made, took_back=took_back)
    _serve(connection, made, whole, stores, progress)
    for store in stores:
        store.sweep(retained(store.kept(), datetime.now(UTC), policy or {}))
    return RolledBack(before, target, made)


def held(served: Manifest | None, outputs: Sequence[Output]) -> dict[str, str]:
    """Return the outputs that a rollback took back and that would be again as they were, with why."""
    if served is None or served.took_back is None:
        return {}
    again = served.took_back.would_be_again({each.name: each.digest for each in outputs})
    why = f"as in r{served.took_back.number}, and {served.id} is a {served.reason}"
    return {name: f"it is {why}; mend it, or add --again" for name in again}


def _target(kept: Mapping[str, Sequence[Manifest]], before: Manifest, name: str | None) -> Manifest:
    """Return the release to go back to, which every store keeps; raise `NotKept`."""
    if name is None and before.took_back is not None:
        number = before.took_back.to
    elif name is None:
        older = [each.number for releases in kept.values() for each in releases]
        number = max((each for each in older if each < before.number), default=0)
    else:
        found = re.fullmatch(r"r?([1-9][0-9]*)", name)
        number = int(found[1]) if found else 0
    everywhere = [
        each for each in next(iter(kept.values())) if all(each in r for r in kept.values())
    ]
    target = next((each for each in everywhere if each.number == number), None)
    if target is None:
        asked = name or (f"r{number}" if number else f"the release before {before.id}")
        lacking = [
            store for store, found in kept.items() if number not in [e.number for e in found]
        ]
        choices = [each.id for each in everywhere if each != before]
        raise NotKept(asked, tuple(lacking or kept), tuple(choices))
    return target


def _taken(before: Manifest, target: Manifest) -> TookBack:
    old, new = before.digests, target.digests
    names = sorted(name for name in {*old, *new} if not name.startswith("_"))
    digests = {name: old.get(name) for name in names if old.get(name) != new.get(name)}
    return TookBack(before.number, target.origin, digests)


def _as_they_were(
    connection: duckdb.DuckDBPyConnection, target: Manifest, stores: Sequence[Store]
) -> list[Output]:
    """Return the outputs of ``target``; what builds and collectors kept then is put where it was.

    Their rows can be read where some store lets DuckDB read them; to serve them, nothing is read.
    """
    connection.execute("CREATE SCHEMA raw")
    for name, statement in KEPT.items():
        if (source := source_of(stores, target, name)) is not None:
            connection.execute(statement.format(source))
    listed = source_of(stores, target, "_tables")
    query = f"SELECT table_name, model FROM {listed}"
    models = dict(connection.execute(query).fetchall()) if listed else {}
    outputs = [each for each in target.outputs() if not each.name.startswith("_")]
    return [
        replace(each, table=replace(each.table, model=models.get(each.name, ""), query=query))
        for each in outputs
        if (query := f"FROM {source_of(stores, target, each.name)}")
    ]


def _serve(
    connection: duckdb.DuckDBPyConnection,
    made: Manifest,
    whole: Sequence[Output],
    stores: Sequence[Store],
    progress: Progress,
) -> None:
    """Publish ``made`` where it is not served; when a store refuses, take it back in those before."""
    behind = {
        store: [each for each in whole if store.name in each.options]
        for store in stores
        if store.served() != made
    }
    for store, outputs in behind.items():
        store.ready(outputs)
    with progress.step(f"going back as {made.id}", sum(map(len, behind.values()))) as step:
        for store, outputs in behind.items():
            for output in outputs:
                store.build(connection, made, output)
                verify(store, made, output)
                step.advance()
    done: list[tuple[Store, Manifest]] = []
    for store, outputs in behind.items():
        before = store.served()
        try:
            store.publish(made, outputs)
        except ReleaseError:
            for earlier, release in reversed(done):
                earlier.switch(release)
            raise
        if before is not None:
            done.append((store, before))
