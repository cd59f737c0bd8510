"""Where outputs are published: every store has the same small interface.

A store builds a release beside what it serves, is verified by reading back, and switches to it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol

import duckdb

from oso_processors.days import on, spans
from oso_processors.tables import Column, Table


def day_column(options: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the column by whose days a table is published, of the options for each store."""
    column: str | None = options.get("postgres", {}).get("partition_by")
    return column


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
class Changed:
    """The only days, by `column`, whose rows are other ones than in the content that `before` names."""

    before: str
    column: str
    days: tuple[date, ...]

    def of(self, query: str) -> str:
        """Return the query of the rows of ``query`` on these days."""
        return on(query, self.column, spans(self.days))


@dataclass(frozen=True, slots=True)
class Output:
    """A table to publish, as it was measured in the warehouse.

    `options` are what its processor says for each store; `digest` names its content: rows, columns,
    types, words and grain; `nul_count` is how many values lost NUL characters; `byte_count` is about
    how many bytes there are to move; `days` hold the checksum of each day of the column that it is
    partitioned by, and `changed` what is known of an earlier content of the same shape.
    """

    table: Table
    checksum: str
    row_count: int
    digest: str
    options: Mapping[str, Mapping[str, Any]]
    about: Mapping[str, str] = field(default_factory=dict)
    nul_count: int = 0
    byte_count: int = 0
    days: Mapping[date, str] = field(default_factory=dict)
    changed: Changed | None = None

    @property
    def name(self) -> str:
        """The public name."""
        return self.table.name

    @property
    def day_column(self) -> str | None:
        """The column by whose days it is published; None where it is published whole."""
        return day_column(self.options)

    def moved(self) -> str:
        """Return the query of the rows that may be other ones than before."""
        return self.changed.of(self.table.query) if self.changed else self.table.query

    def brought(self, query: str) -> str:
        """Return ``query``, of some of its rows, as the embedded engine can read it."""
        elsewhere = self.table.elsewhere
        return query if elsewhere is None else elsewhere.here(self.table, query)

    def rows_on(self, days: Iterable[date]) -> int:
        """Return how many rows it has on ``days``."""
        return sum(int(self.days[day].partition(":")[0]) for day in days if day in self.days)

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
class TookBack:
    """What a rollback took back: release `number`, for the tables of release `to`.

    `digests` are those that release `number` had of each table that is other now, None where it had
    no such table. A rollback after a rollback goes on from the release that was taken back first.
    """

    number: int
    to: int
    digests: Mapping[str, str | None]

    def would_be_again(self, digests: Mapping[str, str]) -> list[str]:
        """Return the tables that would be as they were when they were taken back."""
        return [name for name, each in self.digests.items() if digests.get(name) == each]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one release is: its number, when and why it was made, each of its tables, what went before
    it, and what it took back. Two stores serve the same release when their manifests are equal."""

    number: int
    released_at: str
    contents: Mapping[str, Published]
    past: tuple[Past, ...] = ()
    reason: str = ""
    took_back: TookBack | None = None

    @property
    def id(self) -> str:
        """The release's name, such as r7."""
        return f"r{self.number}"

    @property
    def origin(self) -> int:
        """The number of the release that its rows were made for: its own, but for a rollback."""
        return self.took_back.to if self.took_back else self.number

    @property
    def rows_made_at(self) -> str:
        """When the release was made that its rows were made for: a rollback makes nothing younger."""
        made = {self.number: self.released_at} | {e.number: e.released_at for e in self.past}
        return made.get(self.origin, self.released_at)

    @property
    def digests(self) -> Mapping[str, str]:
        """The name of each table's content."""
        return {name: each.digest for name, each in self.contents.items()}

    def remembered(self) -> tuple[Past, ...]:
        """Return this release and those before it, the newest first; its own tables are not counted."""
        tables = [name for name in self.contents if not name.startswith("_")]
        return (Past(self.number, self.released_at, len(tables), self.reason), *self.past)

    def outputs(self, store: str | None = None) -> list[Output]:
        """Return what it published, in one store or at all, to be checked or served again.

        No query gives their rows.
        """
        return [
            _published_output(name, each)
            for name, each in self.contents.items()
            if store is None or store in each.options
        ]

    def body(self) -> dict[str, Any]:
        """Return the manifest as plain values, to be kept as JSON."""
        return asdict(self)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Manifest:
        """Return the manifest that `body` gave; other keys are left alone."""
        contents = {name: Published.from_body(each) for name, each in body["contents"].items()}
        past = tuple(Past(**each) for each in body["past"])
        took = body.get("took_back")
        took_back = TookBack(**took) if took else None
        return cls(body["number"], body["released_at"], contents, past, body["reason"], took_back)


def _published_output(name: str, table: Published) -> Output:
    described = Table(name, "", "", table.columns, table.grain, table.description, "")
    return Output(
        table=described,
        checksum=table.checksum,
        row_count=table.row_count,
        digest=table.digest,
        options=table.options,
        about=table.about,
    )


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

    def source(self, release: Manifest, name: str) -> str | None:
        """Return where DuckDB reads the rows of a kept table, in its SQL; None where it cannot."""

    def drift(self, release: Manifest) -> list[str]:
        """Say, a line each, what is there no more as ``release`` was published; none when all is."""

    def holder(self) -> str | None:
        """Say who makes a release here now; None when nobody does."""

    def left_over(self) -> list[str]:
        """Name what no kept release needs: of a killed run, or of one that is at work."""

    def sweep(self, keep: Iterable[Manifest]) -> None:
        """Remove what no release in ``keep`` needs."""

    def outlasting(self) -> Mapping[str, timedelta]:
        """Say how long what was removed can still be had, by its place; nothing where it is gone at once."""

    def kept(self) -> Sequence[Manifest]:
        """Return the releases that are still whole here: the one served, and those before it, the
        newest first."""
