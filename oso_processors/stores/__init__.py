"""Where outputs are published: every store has the same small interface.

A store builds a release beside what it serves, is verified by reading back, and switches to it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import duckdb

from oso_processors.tables import Table


@dataclass(frozen=True, slots=True)
class Output:
    """A table to publish, as it was measured in the warehouse.

    `options` are what its processor says for each store; `digest` names its content: rows, columns,
    types, words and grain; `nul_count` is how many values lost NUL characters.
    """

    table: Table
    checksum: str
    row_count: int
    digest: str
    options: Mapping[str, Mapping[str, Any]]
    about: Mapping[str, str] = field(default_factory=dict)
    nul_count: int = 0

    @property
    def name(self) -> str:
        """The public name."""
        return self.table.name


@dataclass(frozen=True, slots=True)
class Past:
    """What is remembered of an earlier release."""

    number: int
    released_at: str
    table_count: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one release is: its number, when it was made, the digest of each of its tables, and what
    went before it. Two stores serve the same release when their manifests are equal."""

    number: int
    released_at: str
    digests: Mapping[str, str]
    past: tuple[Past, ...] = ()

    @property
    def id(self) -> str:
        """The release's name, such as r7."""
        return f"r{self.number}"

    def remembered(self) -> tuple[Past, ...]:
        """Return this release and those before it, the newest first; its own tables are not counted."""
        tables = [name for name in self.digests if not name.startswith("_")]
        return (Past(self.number, self.released_at, len(tables)), *self.past)

    def body(self) -> dict[str, Any]:
        """Return the manifest as plain values, to be kept as JSON."""
        return {**asdict(self), "digests": dict(self.digests)}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Manifest:
        """Return the manifest that `body` gave."""
        past = tuple(Past(**each) for each in body.get("past", ()))
        return cls(body["number"], body["released_at"], body["digests"], past)


@dataclass(frozen=True, slots=True)
class Measured:
    """What reading back found: the checksum, and each column's type as the warehouse would say it."""

    checksum: str
    columns: Sequence[str]
    is_grain_unique: bool


class Store(Protocol):
    """A place where releases are published."""

    name: str

    def served(self) -> Manifest | None:
        """Return the release that readers see; None before the first."""

    def ready(self, outputs: Sequence[Output]) -> None:
        """Raise `StoreUnusable` when publishing ``outputs`` would be refused; change nothing."""

    def build(
        self, connection: duckdb.DuckDBPyConnection, release: Manifest, output: Output
    ) -> None:
        """Put ``output`` beside what is served; do nothing when its content is there already."""

    def measure(self, release: Manifest, output: Output) -> Measured:
        """Read back what was built."""

    def publish(self, release: Manifest, outputs: Sequence[Output]) -> None:
        """Let readers see ``release``, all of it at once."""

    def sweep(self, keep: Iterable[Manifest]) -> None:
        """Remove what no release in ``keep`` needs."""

    def kept(self) -> Sequence[Manifest]:
        """Return the releases that are still whole here, the one served first."""
