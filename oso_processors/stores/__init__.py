"""Where outputs are published: every store has the same small interface.

A store builds a release beside what it serves, is verified by reading back, and switches to it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import duckdb

from oso_processors.tables import Column, Table


@dataclass(frozen=True, slots=True)
class Published:
    """What a release says of one of its tables: enough to check it, to compare it, and to serve it again.

    `about` and `options` are what its processor says of it, and for each store.
    """

    digest: str
    row_count: int
    checksum: str
    grain: tuple[str, ...]
    description: str
    columns: tuple[Column, ...]
    about: Mapping[str, str]
    options: Mapping[str, Mapping[str, Any]]

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Published:
        """Return what `asdict` gave."""
        columns = tuple(Column(**each) for each in body["columns"])
        return cls(**{**body, "grain": tuple(body["grain"]), "columns": columns})


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

    def published(self) -> Published:
        """Return what a release says of it."""
        return Published(
            digest=self.digest,
            row_count=self.row_count,
            checksum=self.checksum,
            grain=self.table.grain,
            description=self.table.description,
            columns=self.table.columns,
            about=self.about,
            options=self.options,
        )


@dataclass(frozen=True, slots=True)
class Past:
    """What is remembered of an earlier release."""

    number: int
    released_at: str
    table_count: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one release is: its number, when and why it was made, each of its tables, and what went
    before it. Two stores serve the same release when their manifests are equal."""

    number: int
    released_at: str
    contents: Mapping[str, Published]
    past: tuple[Past, ...] = ()
    reason: str = ""

    @property
    def id(self) -> str:
        """The release's name, such as r7."""
        return f"r{self.number}"

    @property
    def digests(self) -> Mapping[str, str]:
        """The name of each table's content."""
        return {name: each.digest for name, each in self.contents.items()}

    def remembered(self) -> tuple[Past, ...]:
        """Return this release and those before it, the newest first; its own tables are not counted."""
        tables = [name for name in self.contents if not name.startswith("_")]
        return (Past(self.number, self.released_at, len(tables), self.reason), *self.past)

    def body(self) -> dict[str, Any]:
        """Return the manifest as plain values, to be kept as JSON."""
        return asdict(self)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Manifest:
        """Return the manifest that `body` gave; other keys are left alone."""
        contents = {name: Published.from_body(each) for name, each in body["contents"].items()}
        past = tuple(Past(**each) for each in body["past"])
        return cls(body["number"], body["released_at"], contents, past, body["reason"])


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

    def switch(self, release: Manifest) -> None:
        """Let readers see ``release`` again, one of those kept, all of it at once."""

    def drift(self, release: Manifest) -> list[str]:
        """Say, a line each, what is there no more as ``release`` was published; none when all is."""

    def sweep(self, keep: Iterable[Manifest]) -> None:
        """Remove what no release in ``keep`` needs."""

    def kept(self) -> Sequence[Manifest]:
        """Return the releases that are still whole here, the one served first."""
