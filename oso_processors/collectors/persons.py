"""Where raw rows tell of persons, as the streams' own schemas mark it.

A property is marked ``"x-person": "<slot>.<kind>"``. What has one slot tells of one person; the slot
`actor` is who did what the row tells. The kinds: `id`, `login` and `email` (its hash) say who it is;
`name` is what the person is called; `owner` is a name that begins with a login and a slash; `text` is
free text in which any of these may stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oso_processors.collectors.raw_tables import own_sources, table_name
from oso_processors.collectors.schema import kind
from oso_processors.collectors.source import Stream


@dataclass(frozen=True, slots=True)
class Mark:
    """One marked property: a column, or a ``field`` of the items of a column that is a list."""

    column: str
    slot: str
    kind: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """A table of the schema raw that tells of persons.

    `items` are all fields of the items of each marked list; `time_column` says when a row happened,
    where that is known.
    """

    table: str
    marks: tuple[Mark, ...]
    items: Mapping[str, tuple[str, ...]]
    time_column: str | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that are marked, each once."""
        return list(dict.fromkeys(each.column for each in self.marks))

    def flat(self) -> list[Mark]:
        """Return the marks of columns that are no lists."""
        return [each for each in self.marks if each.field is None]

    def nested(self, column: str) -> list[Mark]:
        """Return the marks of the items of a list."""
        return [each for each in self.marks if each.column == column and each.field is not None]


def marked(source: str, stream: Stream) -> Marked | None:
    """Return what a stream's table tells of persons; None where that is nothing."""
    properties = stream.json_schema["properties"]
    marks = tuple(_marks(properties))
    if not marks:
        return None
    lists = {each.column for each in marks if each.field is not None}
    items = {name: tuple(properties[name]["items"]["properties"]) for name in lists}
    cursor = stream.cursor_field
    is_time = properties.get(cursor, {}).get("format") == "date-time" if cursor else False
    return Marked(table_name(source, stream.name), marks, items, cursor if is_time else None)


def own_marked() -> list[Marked]:
    """Return the tables of our own collectors that tell of persons, each once."""
    found = (
        marked(source.name, stream) for source in own_sources() for stream in source.streams({})
    )
    return list({each.table: each for each in found if each is not None}.values())


def _marks(properties: Mapping[str, Any]) -> Iterator[Mark]:
    for name, prop in properties.items():
        if "x-person" in prop:
            yield Mark(name, *_told(prop))
        if kind(prop) == "array":
            for field, each in prop.get("items", {}).get("properties", {}).items():
                if "x-person" in each:
                    yield Mark(name, *_told(each), field)


def _told(prop: Mapping[str, Any]) -> tuple[str, str]:
    slot, _, kind_of_mark = prop["x-person"].partition(".")
    return slot, kind_of_mark
