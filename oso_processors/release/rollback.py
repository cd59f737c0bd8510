"""Go back: a new release of the tables of an earlier one, which every store still has.

Nothing is copied. Being a release like any other, it has a number and a reason that readers see, and a
crash between two stores is finished by running it again. Until it is followed by another release, what it
took back is not published again as it was, unless somebody says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import duckdb

from oso_processors.errors import ReleaseNotKept
from oso_processors.progress import Progress
from oso_processors.release.making import Request, make, source_of
from oso_processors.release.plan import newest_of
from oso_processors.release.publishing import publish, sweep
from oso_processors.release.record import FROM_WAREHOUSE
from oso_processors.stores import Manifest, Output, Store, TookBack


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What was done: `release` is served and `before` was; nothing was done when they are one."""

    before: Manifest
    release: Manifest


def rollback(
    connection: duckdb.DuckDBPyConnection,
    stores: Sequence[Store],
    progress: Progress,
    release_id: str | None = None,
    reason: str = "",
    retention: Mapping[str, timedelta] | None = None,
) -> RolledBack:
    """Serve the tables of a kept release, without ``release_id`` those of the one before, in all stores.

    ``connection`` is to a database of its own. What was rolled back already stays as it is. Raise
    `ReleaseNotKept`, and what `publish` raises; then the release before is still served.
    """
    before = newest_of(store.served() for store in stores)
    if before is None:
        raise ReleaseNotKept(release_id or "the release before", ())
    target = _target(stores, before, release_id)
    number, told, took_back = before.number, Request(before.reason), before.took_back
    if target.origin != before.origin:
        number, took_back = number + 1, _taken(before, target)
        told = Request(f"rollback from {before.id} to r{took_back.to}{reason and f': {reason}'}")
    outputs, own = _as_they_were(connection, target, stores)
    made, whole = make(connection, number, outputs, stores, before, told, own)
    made = replace(made, took_back=took_back)
    publish(connection, made, whole, stores, progress)
    sweep(stores, retention or {})
    return RolledBack(before, made)


def held(served: Manifest | None, outputs: Sequence[Output]) -> dict[str, str]:
    """Return the outputs that a rollback took back and that would be again as they were, with why."""
    if served is None or served.took_back is None:
        return {}
    again = served.took_back.would_be_again({each.name: each.digest for each in outputs})
    taken = f"r{served.took_back.number}"
    why = f"it is as in {taken}, and {served.id} is a {served.reason}; mend it, or add --again"
    return dict.fromkeys(again, why)


def _target(stores: Sequence[Store], before: Manifest, release_id: str | None) -> Manifest:
    """Return the release to go back to, which every store keeps; raise `ReleaseNotKept`."""
    if release_id in (None, before.id) and before.took_back is not None:
        # A crash may have left a store without it.
        return before
    kept = [store.kept() for store in stores]
    everywhere = [each for each in kept[0] if all(each in releases for releases in kept)]
    asked = release_id or _earlier(kept, before)
    for each in everywhere:
        if each.id == asked:
            return each
    raise ReleaseNotKept(asked, tuple(each.id for each in everywhere))


def _earlier(kept: Sequence[Sequence[Manifest]], before: Manifest) -> str:
    """Name the newest release before ``before`` that any store keeps."""
    found = newest_of(e for releases in kept for e in releases if e.number < before.number)
    return found.id if found else f"the release before {before.id}"


def _taken(before: Manifest, target: Manifest) -> TookBack:
    """Return what is taken back, and what already was: it is still what the warehouse holds."""
    number, old = before.number, dict[str, str | None](before.digests)
    if before.took_back is not None:
        number, old = before.took_back.number, {**old, **before.took_back.digests}
    new = target.digests
    names = sorted(name for name in {*old, *new} if not name.startswith("_"))
    digests = {name: old.get(name) for name in names if old.get(name) != new.get(name)}
    return TookBack(number, target.origin, digests)


def _as_they_were(
    connection: duckdb.DuckDBPyConnection, target: Manifest, stores: Sequence[Store]
) -> tuple[list[Output], list[Output]]:
    """Return the outputs of ``target``, and what it told of audits and gaps.

    Their rows can be read where some store lets DuckDB read them; to serve them, nothing is read.
    """
    listed = source_of(stores, target, "_tables")
    query = f"SELECT table_name, model FROM {listed}"
    models = dict(connection.execute(query).fetchall()) if listed else {}
    outputs = []
    for each in target.outputs():
        source = source_of(stores, target, each.name)
        query = f"FROM {source}" if source else ""
        table = replace(each.table, model=models.get(each.name, "release"), query=query)
        outputs.append(replace(each, table=table))
    own = [each for each in outputs if each.name in FROM_WAREHOUSE]
    return [each for each in outputs if not each.name.startswith("_")], own
