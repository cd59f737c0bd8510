"""Verify by reading back: what a store holds is what the warehouse holds, or the release ends."""

from __future__ import annotations

from oso_processors.errors import Mismatch
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
