"""What readers of a stable output are promised, and what a change of it would do to them.

A contract is a file that is generated and reviewed, such as contracts/projects_v1.yaml. Comparing two
is pure: additive changes ask for the file to be brought up to date, breaking ones for a new version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field

from oso_processors.declarations import Declared, Deprecation, Processor, Words
from oso_processors.declared_yaml import load_declared
from oso_processors.errors import DeclarationInvalid
from oso_processors.tables import Column, Table

if TYPE_CHECKING:
    # SQLMesh comes with it, and reading contracts does not need that.
    from oso_processors.models.facts import Columns
    from oso_processors.models.facts import Words as ModelWords

FOLDER = "contracts"
MARK = "# Written by `oso contract`: what readers of {name} rely on. Change the model, not this file.\n"
Kind = Literal[
    "added",
    "promised",
    "reworded",
    "dropped",
    "renamed",
    "retyped",
    "moved",
    "inserted",
    "nullable",
    "grain",
    "reordered",
    "meaning",
]
ADDITIVE = frozenset({"added", "promised", "reworded", "reordered"})
# What a view over a new version gives back whatever the new version is: it picks by name.
UNDONE = ADDITIVE | {"moved", "inserted"}
SAID: Mapping[Kind, str] = {
    "added": "column {column} was added",
    "promised": "column {column} is now never NULL",
    "reworded": "{place} was described in other words",
    "dropped": "column {column} was dropped",
    "renamed": "column {column} was renamed to {new}",
    "retyped": "column {column} was {old} and is {new}",
    "moved": "column {column} was moved",
    "inserted": "column {column} was put before another and not at the end",
    "nullable": "column {column} was never NULL, and no audit holds it to that now",
    "grain": "the grain was ({old}) and is ({new})",
    "reordered": "the grain is written ({new}), and was ({old})",
    "meaning": "column {column} meant {old!r} and means {new!r}",
}
# BigQuery's names are what readers know; the warehouse has DuckDB's.
TYPES = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "BOOL": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "ARRAY<STRING>": "VARCHAR[]",
}
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")
READERS_TYPES = {
    **{ours: theirs for theirs, ours in TYPES.items()},
    **dict.fromkeys(WHOLE, "INT64"),
}
# From and to; no value of these fails to be cast, none is rounded, and each is the same in every engine:
# of NUMERIC, DuckDB and Postgres write zeros to the ninth digit, and GoogleSQL does not.
WITHOUT_LOSS = frozenset(
    {
        ("INT64", "STRING"),
        ("BOOL", "STRING"),
        ("DATE", "STRING"),
        ("INT64", "NUMERIC(38, 9)"),
    }
)


class PromisedColumn(Declared):
    """A column as its readers know it."""

    name: Words
    type: Words
    never_null: bool = False
    description: str


class Contract(Declared):
    """The public shape of a stable output; the columns are in order."""

    name: Words
    description: str
    grain: Annotated[tuple[Words, ...], Field(min_length=1, strict=False)]
    columns: Annotated[tuple[PromisedColumn, ...], Field(min_length=1, strict=False)]

    def named(self) -> dict[str, PromisedColumn]:
        """Return the columns by name."""
        return {each.name: each for each in self.columns}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two contracts; `column` is empty where the whole table is meant."""

    kind: Kind
    column: str = ""
    old: str = ""
    new: str = ""

    @property
    def is_breaking(self) -> bool:
        """Whether a query that worked may fail, or give something else."""
        return self.kind not in ADDITIVE

    def __str__(self) -> str:
        place = f"column {self.column}" if self.column else "the table"
        said = SAID[self.kind]
        return said.format(column=self.column, old=self.old, new=self.new, place=place)


def load(path: Path) -> Contract:
    """Read a contract; raise `DeclarationInvalid`."""
    contract = load_declared(Contract, path)
    if contract.name != path.stem:
        place = f"{path.parent.name}/{path.name}"
        raise DeclarationInvalid(place, "name", f"{contract.name!r} is not the file's name")
    return contract


def load_all(folder: Path) -> dict[str, Contract]:
    """Read every contract of ``folder``, by name; raise `DeclarationInvalid`."""
    return {path.stem: load(path) for path in sorted(folder.glob("*.yaml"))}


def text(contract: Contract) -> str:
    """Return the whole text of a contract's file."""
    body = contract.model_dump(mode="json", exclude_defaults=True)
    written = yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return MARK.format(name=contract.name) + str(written)


def of_model(processor: Processor, types: Columns, words: ModelWords) -> Contract:
    """Return what a processor promises of its model, which has every column that is listed."""
    columns = tuple(
        PromisedColumn(
            name=each,
            type=types[each] or "unknown",
            never_null=each in words.never_null,
            description=words.columns.get(each, ""),
        )
        for each in processor.columns
    )
    return Contract(
        name=processor.name, description=words.description, grain=words.grain, columns=columns
    )


def of_table(table: Table) -> Contract:
    """Return what a table of the warehouse gives; of what is never NULL only audits know."""
    columns = tuple(
        PromisedColumn(name=each.name, type=readers_type(each.type), description=each.description)
        for each in table.columns
    )
    return Contract(
        name=table.name, description=table.description, grain=table.grain, columns=columns
    )


def compare(old: Contract, new: Contract, renames: Mapping[str, str] | None = None) -> list[Change]:
    """Return what changed; ``renames`` says of columns of ``old`` what they are called in ``new``.

    A column that went is taken for renamed, too, when a new one has its type and its words: such a
    change is no less breaking, but is told better.
    """
    called = {**_found_again(old, new, renames or {}), **(renames or {})}
    before, after = old.named(), new.named()
    kept = {name: called.get(name, name) for name in before if called.get(name, name) in after}
    changes = [Change("dropped", name) for name in before if name not in kept]
    for name, newer in kept.items():
        changes += _column_changes(before[name], after[newer])
    changes += _order_changes(list(kept.values()), list(after), called)
    grain = tuple(called.get(each, each) for each in old.grain)
    if grain != new.grain:
        kind: Kind = "reordered" if set(grain) == set(new.grain) else "grain"
        changes.append(Change(kind, old=", ".join(old.grain), new=", ".join(new.grain)))
    if old.description != new.description:
        changes.append(Change("reworded"))
    return changes


def lost(old: Contract, new: Contract, renames: Mapping[str, str]) -> list[Change]:
    """Return the changes that a view over ``new`` cannot undo for the readers of ``old``.

    It gives renamed columns their old names, a dropped one as NULL if it ever was, and casts what no
    cast can spoil.
    """
    before = old.named()

    def is_undone(change: Change) -> bool:
        match change.kind:
            case "renamed":
                return change.column in renames
            case "dropped":
                return not (change.column in old.grain or before[change.column].never_null)
            case "retyped":
                return (change.new, change.old) in WITHOUT_LOSS
            case _:
                return change.kind in UNDONE

    return [each for each in compare(old, new, renames) if not is_undone(each)]


def reworded(
    old: Contract, new: Contract, renames: Mapping[str, str], columns: Set[str]
) -> Contract:
    """Return ``old`` with the words that ``new`` has for those ``columns``, which mean the same."""
    words = {each.name: each.description for each in new.columns}

    def told(column: PromisedColumn) -> PromisedColumn:
        newer = renames.get(column.name, column.name)
        if column.name not in columns or newer not in words:
            return column
        return column.model_copy(update={"description": words[newer]})

    return old.model_copy(update={"columns": tuple(map(told, old.columns))})


def view(contract: Contract, newer: Table, renames: Mapping[str, str]) -> Table:
    """Return the old version as a query over the new one, ``newer``."""
    types = {each.name: each.type for each in newer.columns}
    columns = [
        Column(each.name, warehouse_type(each.type), each.description) for each in contract.columns
    ]
    cells = [_cell(each, renames.get(each.name, each.name), types) for each in columns]
    return replace(
        newer,
        name=contract.name,
        query=f"SELECT {', '.join(cells)} FROM ({newer.query})",
        columns=tuple(columns),
        grain=contract.grain,
        description=contract.description,
    )


def is_view(processor: Processor, processors: Mapping[str, Processor]) -> bool:
    """Say whether a deprecated output is served as a view: it names its replacement's model."""
    told = processor.deprecation
    return told is not None and processors[told.replacement].model == processor.model


def words_of(told: Deprecation) -> str:
    """Return what readers of a deprecated output find before its description."""
    until = f"served until {told.remove_after}"
    return f"Deprecated since {told.on}, {until}: read {told.replacement} instead. {told.reason}"


def next_version(name: str) -> str:
    """Return the name of the version after ``name``: projects_v2 after projects_v1."""
    found = re.fullmatch(r"(.*_v)(\d+)", name)
    return f"{found[1]}{int(found[2]) + 1}" if found else f"{name}_v2"


def warehouse_type(readers: str) -> str:
    """Return what the warehouse calls a type that readers know; itself when that is no other."""
    return TYPES.get(readers) or re.sub(r"^NUMERIC\((\d+), ?(\d+)\)$", r"DECIMAL(\1,\2)", readers)


def readers_type(warehouse: str) -> str:
    """Return what readers call a type of the warehouse; itself when that is no other."""
    found = re.sub(r"^DECIMAL\((\d+), ?(\d+)\)$", r"NUMERIC(\1, \2)", warehouse)
    return READERS_TYPES.get(warehouse, found)


def _found_again(old: Contract, new: Contract, renames: Mapping[str, str]) -> dict[str, str]:
    before, after = old.named(), new.named()
    fresh = [n for n in after if n not in before and n not in renames.values()]
    found: dict[str, str] = {}
    for name, column in before.items():
        if name in after or name in renames:
            continue
        for each in fresh:
            other = after[each]
            if (column.type, _meaning(column)) == (other.type, _meaning(other)):
                found[name] = each
                fresh.remove(each)
                break
    return found


def _column_changes(old: PromisedColumn, new: PromisedColumn) -> Iterator[Change]:
    if old.name != new.name:
        yield Change("renamed", old.name, old.name, new.name)
    if old.type != new.type:
        yield Change("retyped", old.name, old.type, new.type)
    if old.never_null != new.never_null:
        yield Change("nullable" if old.never_null else "promised", old.name)
    if old.description != new.description:
        kind: Kind = "reworded" if _meaning(old) == _meaning(new) else "meaning"
        yield Change(kind, old.name, old.description, new.description)


def _order_changes(
    kept: list[str], after: list[str], called: Mapping[str, str]
) -> Iterator[Change]:
    """Tell what a reader who counts columns would notice, except that there are more at the end."""
    olds = {new: old for old, new in called.items()}
    still = [each for each in after if each in kept]
    blocks = SequenceMatcher(None, kept, still, autojunk=False).get_matching_blocks()
    in_order = {name for block in blocks for name in kept[block.a : block.a + block.size]}
    yield from (Change("moved", olds.get(each, each)) for each in kept if each not in in_order)
    last = max((after.index(each) for each in kept), default=-1)
    for place, name in enumerate(after):
        if name not in kept:
            yield Change("added" if place > last else "inserted", name)


def _meaning(column: PromisedColumn) -> str:
    """Return a column's words without what never changes their meaning, as capitals may: Mb and MB."""
    return " ".join(column.description.split()).rstrip(".")


def _cell(column: Column, newer: str, types: Mapping[str, str]) -> str:
    if newer not in types:
        return f'CAST(NULL AS {column.type}) AS "{column.name}"'
    if types[newer] != column.type:
        return f'CAST("{newer}" AS {column.type}) AS "{column.name}"'
    return f'"{newer}" AS "{column.name}"'


class _Dumper(yaml.SafeDumper):
    """YAML that keeps the lines of a text, and indents lists as this project does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _text_node(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text_node)
