"""Make a release: plan, build beside what is served, verify by reading back, publish, sweep.

Whatever happens on the way, a reader of any store finds one whole release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from oso_processors.errors import Mismatch, ReleaseBlocked
from oso_processors.progress import Progress
from oso_processors.release.making import Request, make
from oso_processors.release.measure import Wish, measured, with_changes
from oso_processors.release.measurements import forget
from oso_processors.release.plan import Plan, newest_of, plan
from oso_processors.release.publishing import publish, sweep
from oso_processors.release.rollback import held
from oso_processors.stores import Manifest, Output, Store
from oso_processors.stores.files import grain_is_unique

__all__ = ["Plan", "Released", "Request", "Wish", "prepare", "release"]


@dataclass(frozen=True, slots=True)
class Released:
    """What was done; `release` is what is served now."""

    release: Manifest
    plan: Plan
    outputs: Sequence[Output]


def release(
    connection: duckdb.DuckDBPyConnection,
    wishes: Sequence[Wish],
    stores: Sequence[Store],
    blocked: Mapping[str, str],
    progress: Progress,
    request: Request | None = None,
) -> Released:
    """Publish ``wishes`` in every store as one release, if anything changed.

    Raise `ReleaseBlocked` when an output is not fit, and `Mismatch` when a store reads back anything
    else than what the warehouse holds; in both cases the old release is still served.
    """
    request = request or Request()
    decided, outputs = prepare(connection, wishes, stores, blocked, request)
    if decided.blocked:
        raise ReleaseBlocked(decided.blocked)
    newest = newest_of(store.served() for store in stores)
    if decided.is_nothing and newest is not None:
        sweep(stores, request.keep)
        return Released(newest, decided, outputs)
    made, whole = make(connection, decided.number, outputs, stores, newest, request)
    try:
        publish(connection, made, whole, stores, progress)
    except Mismatch:
        # Rows may have been written without a build: the next release reads them all.
        forget(connection, [each.name for each in outputs])
        raise
    sweep(stores, request.keep)
    _tell_of_nul(outputs, progress)
    return Released(made, decided, outputs)


def prepare(
    connection: duckdb.DuckDBPyConnection,
    wishes: Sequence[Wish],
    stores: Sequence[Store],
    blocked: Mapping[str, str],
    request: Request,
) -> tuple[Plan, list[Output]]:
    """Measure what is fit to be published and decide what to do with it."""
    served = {store.name: store.served() for store in stores}
    newest = newest_of(served.values())
    outputs, refused = [], dict(blocked)
    for wish in wishes:
        if wish.table.name in blocked:
            continue
        before = newest.contents.get(wish.table.name) if newest else None
        output = with_changes(connection, measured(connection, wish), before)
        outputs.append(output)
        is_proven = before is not None and before.digest == output.digest
        # What is on other days was proven when it was released.
        if not is_proven and not _is_unique(connection, output):
            refused[output.name] = f"its grain ({', '.join(output.table.grain)}) is not unique"
    if not request.again:
        refused |= held(newest, outputs)
    return plan(outputs, served, refused, request.may_shrink, request.doubts), outputs


def _is_unique(connection: duckdb.DuckDBPyConnection, output: Output) -> bool:
    elsewhere = output.table.elsewhere
    if elsewhere is not None:
        return elsewhere.is_unique(output.moved(), output.table.grain)
    return grain_is_unique(connection, output, f"({output.moved()})")


def _tell_of_nul(outputs: Iterable[Output], progress: Progress) -> None:
    for output in outputs:
        if output.nul_count:
            progress.say(f"{output.name}: left NUL characters out of {output.nul_count:,} values")
