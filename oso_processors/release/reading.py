"""What a reader's query reads: of which table each name in it is.

A name that comes through a sub-query or a CTE keeps the name that it has there; one that comes through
``*`` changes with the table behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, ScopeType

Dialect = Literal["bigquery", "postgres"]
# Where each column went; None for one that is gone.
Names = Mapping[str, str | None]
POSTGRES_SCHEMA = "public"
# A query of these kinds sees the tables of the one around it.
CORRELATED = (ScopeType.SUBQUERY, ScopeType.UNION, ScopeType.UDTF)


@dataclass(frozen=True, slots=True)
class Replaced:
    """A deprecated table, `new` which replaces it, and what became of every column."""

    new: str
    columns: Names


@dataclass(frozen=True, slots=True)
class Source:
    """What a query reads under one name; `names` are its columns, None where nobody knows them.

    `is_renamed` when the table's own name stands before its columns; `problem` is what a person must
    do about it, `warning` what to know.
    """

    name: str
    names: Names | None
    replaced: Replaced | None = None
    table: exp.Table | None = None
    is_renamed: bool = False
    problem: str = ""
    warning: str = ""

    def has(self, name: str) -> bool:
        """Say whether it is known to have a column."""
        return self.names is not None and name in self.names

    def may_get(self, name: str) -> bool:
        """Say whether it may have a column called ``name`` once it is rewritten."""
        return self.names is None or name in self.names.values()

    def changed(self) -> dict[str, str | None]:
        """Return the columns that have another name now, or none."""
        return {old: new for old, new in (self.names or {}).items() if old != new}


@dataclass
class Reading:
    """The names of one statement; `ctes` and `taken` are those that it gives itself."""

    dialect: Dialect
    replaced: Mapping[str, Replaced]
    known: Mapping[str, Names]
    ctes: Set[str]
    taken: Set[str]
    _sources: dict[int, list[Source]] = field(default_factory=dict)

    def sources(self, scope: Scope) -> list[Source]:
        """Return what a query reads, in order."""
        if id(scope) not in self._sources:
            self._sources[id(scope)] = []  # a recursive query reads itself
            self._sources[id(scope)] = [
                self._source(name, node, source)
                for name, (node, source) in scope.selected_sources.items()
            ]
        return self._sources[id(scope)]

    def starred(self, scope: Scope, star: exp.Expression) -> list[Source]:
        """Return what a ``*`` gives the columns of."""
        table = star.table.lower() if isinstance(star, exp.Column) else ""
        return [each for each in self.sources(scope) if table in ("", each.name.lower())]

    def named(self, scope: Scope, identifier: exp.Identifier) -> Source | None:
        """Return what is read under a name here or around."""
        name = identifier.name.lower()
        sources = (each for outer in visible(scope) for each in self.sources(outer))
        return next((each for each in sources if each.name.lower() == name), None)

    def outputs(self, select: exp.Select) -> set[str]:
        """Return the names of the columns that come out, but for those of a ``*``."""
        return {self._output(each) for each in select.expressions}

    def key(self, node: exp.Expression) -> str:
        """Return a name as the engine compares it."""
        identifier = node.this if isinstance(node, exp.Column) else node
        is_exact = self.dialect == "postgres" and identifier.args.get("quoted")
        return str(identifier.name if is_exact else identifier.name.lower())

    def _source(self, name: str, node: exp.Expression, source: exp.Expression | Scope) -> Source:
        if isinstance(source, Scope):
            listed = node.args.get("alias")
            columns = listed.args.get("columns") if listed else None
            names = {self.key(each): self.key(each) for each in columns or ()}
            return Source(name, names or self._out_of(source))
        if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
            return Source(name, None)
        return self._table(name, source, self.key(source.this))

    def _table(self, name: str, table: exp.Table, key: str) -> Source:
        replaced = self.replaced.get(key)
        # BigQuery's datasets are called as their owner likes.
        is_ours = self.dialect == "bigquery" or self._schema(table) in ("", POSTGRES_SCHEMA)
        if replaced is None or not is_ours:
            only = f"{table.db}.{key} is left as it is: only {POSTGRES_SCHEMA}.{key} is deprecated"
            warning = only if replaced else ""
            names = self.known.get(key) if is_ours else None
            return Source(name, names, table=table, warning=warning)
        if replaced.new in self.ctes and not table.db:
            problem = f"the query calls something of its own {replaced.new}; rename that first"
            return Source(name, self.known.get(key), table=table, problem=problem)
        problem = (
            f"the columns of {key} are named by their place, which may be another now"
            if table.alias_column_names
            else ""
        )
        is_renamed = not table.alias and replaced.new not in self.taken
        return Source(name, replaced.columns, replaced, table, is_renamed, problem)

    def _schema(self, table: exp.Table) -> str:
        return self.key(table.args["db"]) if table.args.get("db") else ""

    def _out_of(self, scope: Scope) -> Names | None:
        """Return the columns that come out of a query, by the names they had before; None if unknown."""
        query = scope.expression
        if isinstance(query, exp.SetOperation):
            return self._out_of(scope.union_scopes[0]) if scope.union_scopes else None
        if not isinstance(query, exp.Select):
            return None
        names: dict[str, str | None] = {}
        for each in query.expressions:
            star = each if isinstance(each, exp.Star) else each.this
            if not isinstance(star, exp.Star):
                names[self._output(each)] = self._output(each)
                continue
            without = {self.key(e) for e in star.args.get("except_") or ()}
            for source in self.starred(scope, each):
                if source.names is None:
                    return None
                names |= {old: new for old, new in source.names.items() if old not in without}
        return names

    def _output(self, projection: exp.Expression) -> str:
        named = projection.args.get("alias") or projection.this
        if isinstance(named, exp.Identifier):
            return self.key(named)
        return str(projection.alias_or_name)


def visible(scope: Scope) -> Iterator[Scope]:
    """Yield the queries whose tables a name may be of, the nearest first."""
    current: Scope | None = scope
    while current is not None:
        yield current
        current = current.parent if current.scope_type in CORRELATED else None
