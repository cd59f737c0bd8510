"""Verify by reading back: what a store holds is what the warehouse holds, or the release ends.

What is served can be compared with what was published at any time after.
"""

from __future__ import annotations

from collections.abc import Sequence

from oso_processors.errors import Mismatch, ReleaseUnreadable, StoreUnusable
from oso_processors.release.plan import newest_of
from oso_processors.stores import Manifest, Output, Store


def verify(store: Store, release: Manifest, output: Output) -> None:
    """Read ``output`` back from ``store``; raise `Mismatch` at the first difference."""
    found = store.measure(release, output)
    wanted = [f"{each.name} {each.type}" for each in output.table.columns]
    if list(found.columns) != wanted:
        expected, there = ", ".join(wanted), ", ".join(found.columns)
        raise Mismatch(store.name, output.name, "its columns", expected, there)
    if found.checksum != output.checksum:
        raise Mismatch(store.name, output.name, "its checksum", output.checksum, found.checksum)
    if not found.is_grain_unique:
        raise Mismatch(store.name, output.name, "its grain", "unique", "repeated")


def drifted(stores: Sequence[Store]) -> tuple[Manifest | None, list[str]]:
    """Return the newest release, and a line for each thing that a store does not serve as published."""
    found = [_drift_of(store) for store in stores]
    newest = newest_of(release for release, _ in found)
    lines: list[str] = []
    for store, (release, told) in zip(stores, found, strict=True):
        if newest is not None and release != newest:
            there = release.id if release else "no release"
            lines.append(f"{store.name}: _releases: it serves {there} and not {newest.id}")
        lines += told
    return newest, lines


def _drift_of(store: Store) -> tuple[Manifest | None, list[str]]:
    """Compare what is served, again when another release took its place meanwhile."""
    while True:
        try:
            release = store.served()
        except ReleaseUnreadable as error:
            return None, [f"{store.name}: {error.place}: {error.reason}"]
        refused: StoreUnusable | None = None
        try:
            lines = store.drift(release) if release else []
        except StoreUnusable as error:
            refused = error
        if store.served() != release:
            continue
        if refused:
            raise refused
        return release, lines
