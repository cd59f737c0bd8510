"""Publish a release in every store: build beside what is served, verify by reading back, switch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import duckdb

from oso_processors.errors import ReleaseError
from oso_processors.progress import Progress
from oso_processors.release.retention import kept
from oso_processors.release.verify import verify
from oso_processors.stores import Manifest, Output, Store


def publish(
    connection: duckdb.DuckDBPyConnection,
    release: Manifest,
    outputs: Sequence[Output],
    stores: Sequence[Store],
    progress: Progress,
) -> None:
    """Let readers of every store see ``release``; raise `ReleaseError`, and the one before is served.

    A store that serves it already is left alone: its readers are there.
    """
    behind = {
        store: [each for each in outputs if store.name in each.options]
        for store in stores
        if store.served() != release
    }
    for store, own in behind.items():
        store.ready(own)
    with progress.step(f"releasing {release.id}", sum(map(len, behind.values()))) as step:
        for store, own in behind.items():
            for output in own:
                store.build(connection, release, output)
                verify(store, release, output)
                step.advance()
    _switch(behind, release)


def sweep(stores: Sequence[Store], retention: Mapping[str, timedelta]) -> None:
    """Remove what the releases that stay do not need."""
    for store in stores:
        store.sweep(kept(store.kept(), datetime.now(UTC), retention))


def _switch(behind: Mapping[Store, Sequence[Output]], release: Manifest) -> None:
    """Switch one store after the other; when one refuses, those before it are switched back."""
    done: list[tuple[Store, Manifest]] = []
    for store, outputs in behind.items():
        before = store.served()
        try:
            store.publish(release, outputs)
        except ReleaseError:
            for earlier, served in reversed(done):
                earlier.switch(served)
            raise
        if before is not None:
            done.append((store, before))
