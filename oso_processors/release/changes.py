"""What changed between two releases: the shape of each table, and its rows by their grain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from oso_processors.stores import Published

Kind = Literal["new", "incremental", "full", "additive", "breaking", "removed"]
# What was published of a table, and where DuckDB reads its rows, in its SQL.
Side = tuple[Published, str]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows are new, gone, and other than before, by their grain."""

    added: int
    removed: int
    changed: int


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one table; `counts` is None where the rows before cannot be read any more."""

    table: str
    kind: Kind
    counts: Counts | None
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    columns_retyped: tuple[str, ...]
    commit: str | None = None

    def row(self, release_id: str) -> tuple[object, ...]:
        """Return the row of `_changes`."""
        counts = self.counts
        return (
            release_id,
            self.table,
            self.kind,
            *((counts.added, counts.removed, counts.changed) if counts else (None, None, None)),
            list(self.columns_added),
            list(self.columns_removed),
            list(self.columns_retyped),
            self.commit,
        )


def kind_of(old: Published | None, new: Published | None) -> Kind:
    """Say what kind of change it is, by shape alone: ``old`` and ``new`` differ."""
    if old is None:
        return "new"
    if new is None:
        return "removed"
    before = [(each.name, each.type) for each in old.columns]
    after = [(each.name, each.type) for each in new.columns]
    if old.grain != new.grain or after[: len(before)] != before:
        return "breaking"
    return "additive" if len(after) > len(before) else "full"


def shape_change(table: str, old: Published | None, new: Published | None) -> Change:
    """Return the change without its rows."""
    before, after = _types(old), _types(new)
    both = before.keys() & after.keys()
    return Change(
        table=table,
        kind=kind_of(old, new),
        counts=None,
        columns_added=tuple(name for name in after if name not in before),
        columns_removed=tuple(name for name in before if name not in after),
        columns_retyped=tuple(
            name for name in after if name in both and before[name] != after[name]
        ),
    )


def counted(
    connection: duckdb.DuckDBPyConnection,
    old: Side | None,
    new: Side | None,
) -> Counts:
    """Compare rows by their grain; each side is what was published and a source of its rows."""
    if old is None or new is None or old[0].grain != new[0].grain:
        return Counts(new[0].row_count if new else 0, old[0].row_count if old else 0, 0)
    sql = (
        "SELECT count(*) FILTER (WHERE NOT is_old), count(*) FILTER (WHERE NOT is_new),"
        f" count(*) FILTER (WHERE is_old AND is_new) FROM ({differing(old, new)})"
    )
    added, removed, changed = connection.execute(sql).fetchall()[0]
    return Counts(added, removed, changed)


def differing(old: Side, new: Side) -> str:
    """Return the query of the rows that differ: grain, is_old, is_new, and both sides' values."""
    grain = new[0].grain
    before, after = _types(old[0]), _types(new[0])
    keys = ", ".join(f'"{name}"' for name in grain)
    values = [name for name in after if name in before and name not in grain]
    shown = [name for name in {**before, **after} if name not in grain]
    listed = "".join(
        f', {side}."{name}" AS "{name} {word}"'
        for name in shown
        for side, word, has in (("o", "before", before), ("n", "after", after))
        if name in has
    )
    other = " OR ".join(f'o."{name}" IS DISTINCT FROM n."{name}"' for name in values) or "false"
    return (
        f"SELECT {keys}, o._side IS NOT NULL AS is_old, n._side IS NOT NULL AS is_new{listed}"
        f" FROM (SELECT *, true AS _side FROM {old[1]}) AS o"
        f" FULL JOIN (SELECT *, true AS _side FROM {new[1]}) AS n USING ({keys})"
        f" WHERE o._side IS NULL OR n._side IS NULL OR {other}"
    )


def differences(
    old: Mapping[str, Published], new: Mapping[str, Published], names: Sequence[str] = ()
) -> list[Change]:
    """Return the changes of shape of every table that differs, in name order."""
    chosen = names or sorted({*old, *new})
    return [
        shape_change(name, old.get(name), new.get(name))
        for name in chosen
        if _digest(old.get(name)) != _digest(new.get(name))
    ]


def _digest(table: Published | None) -> str | None:
    return table.digest if table else None


def _types(table: Published | None) -> dict[str, str]:
    return {each.name: each.type for each in table.columns} if table else {}
