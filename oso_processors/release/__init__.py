"""Make a release: plan, build beside what is served, verify by reading back, publish, sweep.

Whatever happens on the way, a reader of any store finds one whole release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from oso_processors import checksum
from oso_processors.errors import Mismatch, ReleaseBlocked
from oso_processors.progress import Progress
from oso_processors.release.plan import Plan, plan
from oso_processors.release.record import record
from oso_processors.stores import Manifest, Output, Store
from oso_processors.stores.files import grain_is_unique
from oso_processors.tables import Table

KEPT_RELEASES = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """A table that is to be published: where, and what is to be said of it."""

    table: Table
    options: Mapping[str, Mapping[str, Any]]
    about: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Released:
    """What was done; `release` is what is served now."""

    release: Manifest
    plan: Plan
    outputs: Sequence[Output]


def measured(connection: duckdb.DuckDBPyConnection, wish: Wish) -> Output:
    """Measure a table in the warehouse; raise `UnmappableType` for one that cannot be published."""
    table = _without_nul(connection, wish.table)
    found = connection.execute(checksum.duckdb_sql(table, f"({table.query})")).fetchone()
    number = checksum.text(found)
    return Output(
        table=table,
        checksum=number,
        row_count=int(found[0]) if found else 0,
        digest=_digest(table, number, wish),
        options=wish.options,
        about=wish.about,
    )


def release(
    connection: duckdb.DuckDBPyConnection,
    wishes: Sequence[Wish],
    stores: Sequence[Store],
    blocked: Mapping[str, str],
    progress: Progress,
) -> Released:
    """Publish ``wishes`` in every store as one release, if anything changed.

    Raise `ReleaseBlocked` when an output is not fit, and `Mismatch` when a store reads back anything
    else than what the warehouse holds; in both cases the old release is still served.
    """
    decided, outputs = prepare(connection, wishes, stores, blocked)
    if decided.blocked:
        raise ReleaseBlocked(decided.blocked)
    served = [each for store in stores if (each := store.served())]
    newest = max(served, key=lambda each: each.number, default=None)
    if decided.is_nothing and newest is not None:
        return Released(newest, decided, outputs)
    made, whole = _made(connection, decided, outputs, newest, stores)
    with progress.step(f"releasing {made.id}", len(whole) * len(stores)) as step:
        for store in stores:
            for output in whole:
                _build(connection, store, made, output)
                step.advance()
    for store in stores:
        store.publish(made, whole)
    for store in stores:
        store.sweep(store.kept()[:KEPT_RELEASES])
    return Released(made, decided, outputs)


def prepare(
    connection: duckdb.DuckDBPyConnection,
    wishes: Sequence[Wish],
    stores: Sequence[Store],
    blocked: Mapping[str, str],
) -> tuple[Plan, list[Output]]:
    """Measure what is fit to be published and decide what to do with it."""
    outputs, refused = [], dict(blocked)
    for wish in wishes:
        if wish.table.name in blocked:
            continue
        output = measured(connection, wish)
        if not grain_is_unique(connection, output, f"({output.table.query})"):
            refused[output.name] = f"its grain ({', '.join(output.table.grain)}) is not unique"
        outputs.append(output)
    return plan(outputs, {store.name: store.served() for store in stores}, refused), outputs


def _made(
    connection: duckdb.DuckDBPyConnection,
    decided: Plan,
    outputs: Sequence[Output],
    newest: Manifest | None,
    stores: Sequence[Store],
) -> tuple[Manifest, list[Output]]:
    """Return the release that is to be made, and its outputs with the release's own tables."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if newest is not None and decided.number == newest.number:
        now = newest.released_at
    digests = {each.name: each.digest for each in outputs}
    draft = Manifest(decided.number, now, digests)
    earlier = {each.number: each for store in stores for each in store.kept()}
    before = [earlier[number] for number in sorted(earlier, reverse=True) if number < draft.number]
    everywhere: dict[str, dict[str, Any]] = {store.name: {} for store in stores}
    own = [
        measured(connection, Wish(table, everywhere, {"owner": "release", "tier": "stable"}))
        for table in record(connection, draft, outputs, before)
    ]
    whole = [*outputs, *own]
    return Manifest(draft.number, now, {each.name: each.digest for each in whole}), whole


def _build(
    connection: duckdb.DuckDBPyConnection, store: Store, made: Manifest, output: Output
) -> None:
    if store.name not in output.options:
        return
    store.build(connection, made, output)
    found = store.measure(made, output)
    wanted = [f"{each.name} {each.type}" for each in output.table.columns]
    if list(found.columns) != wanted:
        raise Mismatch(store.name, output.name, "its columns", str(wanted), str(found.columns))
    if found.checksum != output.checksum:
        raise Mismatch(store.name, output.name, "its checksum", output.checksum, found.checksum)
    if not found.is_grain_unique:
        raise Mismatch(store.name, output.name, "its grain", "unique", "not unique")


def _digest(table: Table, number: str, wish: Wish) -> str:
    """Return the name of an output's content: rows, shape, words, and how it is to be served."""
    parts = [
        number,
        table.description,
        ",".join(table.grain),
        repr(sorted(wish.options.items())),
        repr(sorted(wish.about.items())),
    ]
    parts += [f"{each.name} {each.type} {each.description}" for each in table.columns]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _without_nul(connection: duckdb.DuckDBPyConnection, table: Table) -> Table:
    """Return ``table`` without the NUL characters that Postgres cannot hold."""
    texts = [each.name for each in table.columns if each.type == "VARCHAR"]
    if not texts:
        return table
    anywhere = " OR ".join(f'contains("{name}", chr(0))' for name in texts)
    found = connection.execute(f"SELECT 1 FROM ({table.query}) WHERE {anywhere} LIMIT 1").fetchone()
    if found is None:
        return table
    stripped = ", ".join(f'replace("{name}", chr(0), \'\') AS "{name}"' for name in texts)
    query = f"SELECT * REPLACE ({stripped}) FROM ({table.query})"
    return Table(
        table.name,
        table.model,
        query,
        table.columns,
        table.grain,
        table.description,
        table.fingerprint,
    )
