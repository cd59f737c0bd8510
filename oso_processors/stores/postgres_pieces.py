"""An output's rows as pieces: a table with all of them, and tables that replace some of its days.

A release that changed a day moves the rows of that day: the view hides the day in the tables before and
adds the new one. No table is ever changed, so the releases before are still there to go back to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from oso_processors import checksum
from oso_processors.days import Span, on, spans, union, within
from oso_processors.stores import Output, postgres_tables

# A reader's query looks into each of them.
MOST_PIECES = 8
# When more of the rows than this were replaced, one table serves readers better.
LARGEST_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Piece:
    """A table of the schema `store`, without the days that a later piece replaces."""

    table: str
    hidden: tuple[Span, ...] = ()

    def without(self, days: Iterable[Span]) -> Piece:
        """Return it with some more days hidden."""
        return Piece(self.table, union((*self.hidden, *days)))

    def body(self) -> dict[str, Any]:
        """Return it as plain values, to be kept as JSON."""
        hidden = [[each.first.isoformat(), each.last.isoformat()] for each in self.hidden]
        return {"table": self.table, "hidden": hidden}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Piece:
        """Return the piece that `body` gave."""
        hidden = [Span(*map(date.fromisoformat, each)) for each in body["hidden"]]
        return cls(body["table"], tuple(hidden))


Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The pieces that serve an output; the last one may have to be built: with the rows of `days`
    alone, or, where that is None, with all of them."""

    pieces: Pieces
    days: tuple[Span, ...] | None = None

    @property
    def table(self) -> str:
        """The table that may have to be built."""
        return self.pieces[-1].table

    def query(self, output: Output) -> str:
        """Return the query of the rows to be copied."""
        if self.days is None:
            return output.table.query
        return on(output.table.query, str(output.day_column), self.days)

    def built(self, output: Output) -> str:
        """Return the query, in Postgres's SQL, of the rows that are to be read back."""
        return rows(self.pieces if self.days is None else self.pieces[-1:], output)

    def row_count(self, output: Output) -> int:
        """Return how many those are."""
        return output.row_count if self.days is None else _rows(output, self.days)

    def checksum(self, output: Output, found: str) -> str:
        """Return the checksum of all rows when that of the rows built is ``found``.

        The other days are in tables that were read back when they were built.
        """
        if self.days is None:
            return found
        return checksum.added([found, *_outside(output, self.days)])


def planned(output: Output, served: Pieces, content: str | None) -> Plan:
    """Return how ``output`` is put beside the pieces of what is ``served``, its ``content``."""
    whole = Plan((Piece(postgres_tables.named(output)),))
    if not served or output.changed is None or output.changed.before != content:
        return whole
    changed = spans(output.changed.days)
    if len(served) == MOST_PIECES:
        # One piece takes the place of all that were added.
        changed, served = union((*served[0].hidden, *changed)), served[:1]
    if _rows(output, changed) > output.row_count * LARGEST_SHARE:
        return whole
    added = Piece(_named(output, changed))
    return Plan((*(each.without(changed) for each in served), added), changed)


def rows(pieces: Pieces, output: Output) -> str:
    """Return the query of the rows of all ``pieces``, in Postgres's SQL."""
    columns = ", ".join(f'"{each.name}"' for each in output.table.columns)
    return " UNION ALL ".join(_shown(each, columns, output.day_column) for each in pieces)


def _shown(piece: Piece, columns: str, day: str | None) -> str:
    hidden = f" WHERE NOT {within(piece.hidden, day)}" if piece.hidden and day else ""
    return f'SELECT {columns} FROM store."{piece.table}"{hidden}'


def _named(output: Output, days: Sequence[Span]) -> str:
    """Return the name of the table that holds some days of ``output``."""
    content = "\0".join([output.digest, *(f"{each.first} {each.last}" for each in days)])
    return f"{output.name[:46]}__{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _rows(output: Output, days: Sequence[Span]) -> int:
    return output.rows_on(day for day in output.days if any(day in span for span in days))


def _outside(output: Output, days: Sequence[Span]) -> list[str]:
    return [each for day, each in output.days.items() if not any(day in span for span in days)]
