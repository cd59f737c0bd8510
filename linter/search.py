"""Find the idioms in a model: in what its author wrote, in what macros made of it, in its types.

What is written has places; what is rendered has types and shows what macros write. A query is walked
once for all idioms.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import exp
from sqlmesh.core.audit.builtin import BUILT_IN_AUDITS
from sqlmesh.core.linter.rule import Position, Range
from sqlmesh.core.model import Model, SqlModel

from linter.idiom import Idiom
from linter.idioms import IDIOMS
from linter.numbers import is_bare_numeric

BARE_NUMERIC = next(each for each in IDIOMS if each.name == "BareNumeric")


class Finding(NamedTuple):
    """An idiom in a model: the SQL or the column that it is, and its place in the file if it has one."""

    idiom: Idiom
    found: str
    place: Range | None = None

    def __str__(self) -> str:
        return f"{self.idiom.message} (in {self.found})"


def find(model: Model) -> list[Finding]:
    """Return what of the house list ``model`` holds, in its columns' types, its query and its audits."""
    found = list(_in_types(model))
    if isinstance(model, SqlModel):
        found += _in_text(model)
        known = {each.idiom.name for each in found}
        found += [
            each for each in _in_rendered(model) if not known & {each.idiom.name, each.idiom.unless}
        ]
    return found


def idioms_in(query: exp.Expression) -> Iterator[tuple[Idiom, exp.Expression]]:
    """Yield every idiom in ``query`` with the part that is one."""
    for node in query.walk():
        for idiom in _concerned(type(node)):
            if idiom.matches(node):
                yield idiom, node


def place_of(node: exp.Expression) -> Range | None:
    """Return where ``node`` begins, as far as the names in it or around it tell."""
    around: exp.Expression | None = node
    while around is not None:
        seen = [each.meta for each in around.find_all(exp.Identifier, exp.Star) if _is_placed(each)]
        if seen:
            first = min(seen, key=lambda meta: meta["start"])
            width = first["end"] - first["start"] + 1
            line, end = first["line"] - 1, first["col"]
            return Range(Position(line, max(end - width, 0)), Position(line, end))
        around = around.parent
    return None


def _is_placed(node: exp.Expression) -> bool:
    return "line" in node.meta


def _in_types(model: Model) -> Iterator[Finding]:
    """Yield the declared columns whose types are bare; they are no part of any query."""
    for name, kind in (model.columns_to_types_ or {}).items():
        if any(is_bare_numeric(each) for each in kind.find_all(exp.DataType)):
            yield Finding(BARE_NUMERIC, f"column {name}")


def _in_text(model: SqlModel) -> Iterator[Finding]:
    for part in _written(model):
        for idiom, node in idioms_in(part):
            yield Finding(idiom, _shown(node), place_of(node))


def _in_rendered(model: SqlModel) -> Iterator[Finding]:
    """Yield what only shows once macros are rendered and types are known; it has no place."""
    query = model.render_query()
    for idiom, node in idioms_in(query) if query else ():
        if not idiom.only_by_hand:
            yield Finding(idiom, _shown(node))


def _written(model: SqlModel) -> Iterator[exp.Expression]:
    """Yield the model's own SQL: query, statements, the arguments of its audits and its own audits."""
    yield model.query
    yield from (*model.pre_statements, *model.post_statements, *model.on_virtual_update)
    for audit, arguments in model.audits_with_args:
        yield from arguments.values()
        if audit.name not in BUILT_IN_AUDITS:
            yield audit.query


def _shown(node: exp.Expression) -> str:
    whole = node.parent if isinstance(node, exp.DataType) and node.parent else node
    return textwrap.shorten(whole.sql("bigquery", comments=False), 60, placeholder=" …")


_KINDS: dict[type[exp.Expression], tuple[Idiom, ...]] = {}


def _concerned(kind: type[exp.Expression]) -> tuple[Idiom, ...]:
    """Return the idioms that a node of type ``kind`` may be."""
    if kind not in _KINDS:
        _KINDS[kind] = tuple(each for each in IDIOMS if issubclass(kind, each.nodes))
    return _KINDS[kind]
