"""Rewrite a reader's query from deprecated tables to those that replace them.

Only names are changed, in the text as it was written: layout and comments stay. Columns keep the names
under which they came out, so that nothing that reads the result has to change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope, walk_in_scope

from oso_processors.declarations import Processor
from oso_processors.errors import QueryUnreadable
from oso_processors.release.reading import Dialect, Names, Reading, Replaced, Source, visible

TOKEN = re.compile(r"<Token .*?text: ([^,]*),.*>")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A query for the new tables; `left` is what a person must do, `warnings` what to know."""

    text: str
    left: tuple[str, ...]
    warnings: tuple[str, ...]


def replacements(processors: Iterable[Processor]) -> dict[str, Replaced]:
    """Return what replaces each deprecated output."""
    by_name = {each.name: each for each in processors}
    found = {}
    for each in by_name.values():
        if each.deprecation:
            newer, renames = by_name[each.deprecation.replacement], each.deprecation.renames
            called = {name: renames.get(name, name) for name in each.columns}
            columns = {name: to if to in newer.columns else None for name, to in called.items()}
            found[each.name] = Replaced(newer.name, columns)
    return found


def rewrite(sql: str, dialect: Dialect, place: str, processors: Iterable[Processor]) -> Rewritten:
    """Rewrite every statement of ``sql``; raise `QueryUnreadable`, which names ``place``."""
    listed = list(processors)
    replaced = replacements(listed)
    known = {each.name: {name: name for name in each.columns} for each in listed}
    rewriter = _Rewriter(sql)
    try:
        for statement in sqlglot.parse(sql, dialect=dialect):
            if statement is not None:
                scopes = traverse_scope(statement)
                ctes = {each.alias for each in statement.find_all(exp.CTE)}
                taken = {name for each in scopes for name in each.selected_sources} | ctes
                reading = Reading(dialect, replaced, known, ctes, taken)
                rewriter.statement(reading, statement, scopes)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        where = f"{place}:{first['line']}:{first['col']}" if first.get("line") else place
        reason = TOKEN.sub(r"\1", str(first.get("description") or error).splitlines()[0])
        raise QueryUnreadable(where, reason.replace("SENTINEL", "the end").rstrip(".")) from None
    except SqlglotError as error:
        raise QueryUnreadable(place, str(error).splitlines()[0]) from None
    return rewriter.result()


@dataclass
class _Rewriter:
    sql: str
    edits: dict[tuple[int, int], str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def result(self) -> Rewritten:
        text = self.sql
        for (start, end), new in sorted(self.edits.items(), reverse=True):
            text = text[:start] + new + text[end:]
        lines = (tuple(dict.fromkeys(each)) for each in (self.left, self.warnings))
        return Rewritten(text, *lines)

    def statement(
        self, reading: Reading, statement: exp.Expression, scopes: Sequence[Scope]
    ) -> None:
        self.reading = reading
        for scope in scopes:
            for source in reading.sources(scope):
                self._table(source)
        self._untouched(statement, scopes)
        for scope in scopes:
            if isinstance(scope.expression, exp.Select):
                self._select(scope, scope.expression)

    def _untouched(self, statement: exp.Expression, scopes: Sequence[Scope]) -> None:
        """Tell of deprecated tables that stand where no SELECT reads them, as in an UPDATE."""
        read = {id(node) for scope in scopes for node, _ in scope.selected_sources.values()}
        for table in statement.find_all(exp.Table):
            name = self.reading.key(table.this)
            is_cte = name in self.reading.ctes and not table.db
            if name in self.reading.replaced and id(table) not in read and not is_cte:
                problem = f"{name} is left as it is: only what SELECT reads is rewritten"
                self._leave(table.this, problem)
        if isinstance(statement, exp.Command):
            for name in self.reading.replaced:
                if re.search(rf"\b{name}\b", statement.sql()):
                    self.left.append(f"{name} stands in a statement that cannot be read")

    def _table(self, source: Source) -> None:
        if source.table is None:
            return
        if source.problem:
            self._leave(source.table.this, source.problem)
        if source.warning:
            self._warn(source.table.this, source.warning)
        if source.replaced:
            old = self.reading.key(source.table.this)
            self._write(source.table.this, old, source.replaced.new)
            if not source.is_renamed and not source.table.alias:
                # The query reads the new table already: to keep the two apart, this one keeps its name.
                self._add(source.table.this, f" AS {old}")

    def _select(self, scope: Scope, select: exp.Select) -> None:
        for each in select.expressions:
            self._star(scope, each)
        for join in select.args.get("joins") or ():
            self._join(scope, join)
        for node in walk_in_scope(select):
            if isinstance(node, exp.Column):
                self._column(scope, select, node)

    def _star(self, scope: Scope, projection: exp.Expression) -> None:
        star = projection if isinstance(projection, exp.Star) else projection.this
        if not isinstance(star, exp.Star):
            return
        changed: dict[str, str | None] = {}
        for source in self.reading.starred(scope, projection):
            changed |= source.changed()
            if source.replaced and source.table is not None:
                told = f"* gives the columns of {source.replaced.new} now{_told(source.names)}"
                self._warn(source.table.this, told)
        named = [each.args["alias"] for each in star.args.get("replace") or ()]
        for each in (*(star.args.get("except_") or ()), *named):
            identifier = each.this if isinstance(each, exp.Column) else each
            name = self.reading.key(identifier)
            if name in changed:
                self._put(identifier, name, changed[name])

    def _join(self, scope: Scope, join: exp.Join) -> None:
        sources = self.reading.sources(scope)
        right = next((each for each in sources if each.name == join.alias_or_name), None)
        if right is None:
            return
        lefts = sources[: sources.index(right)]
        if join.method == "NATURAL":
            for each in (right, *lefts):
                if each.changed() and each.table is not None:
                    problem = f"NATURAL JOIN of {each.name} matches other columns now; write ON"
                    self._leave(each.table.this, problem)
        for identifier in join.args.get("using") or ():
            self._using(identifier, right, lefts)

    def _using(self, identifier: exp.Identifier, right: Source, lefts: list[Source]) -> None:
        name = self.reading.key(identifier)
        now = [each.names[name] for each in (right, *lefts) if each.names and name in each.names]
        if right.names is None or not any(each.has(name) for each in lefts):
            now.append(name)
        new, *others = dict.fromkeys(now)
        if others:
            problem = f"USING ({name}): it has another name on one side now; write ON"
            self._leave(identifier, problem)
        elif new != name:
            self._put(identifier, name, new)

    def _column(self, scope: Scope, select: exp.Select, column: exp.Column) -> None:
        if isinstance(column.parent, exp.Star):
            return
        if column.table:
            source = self.reading.named(scope, column.args["table"])
            if source is None:
                return
            if source.is_renamed and source.replaced:
                self._write(column.args["table"], source.name.lower(), source.replaced.new)
            if not isinstance(column.this, exp.Star):
                self._rename(select, column, source, "")
        elif isinstance(column.this, exp.Identifier) and not self._is_output(select, column):
            self._unqualified(scope, select, column)

    def _unqualified(self, scope: Scope, select: exp.Select, column: exp.Column) -> None:
        name = self.reading.key(column.this)
        nearer: list[Source] = []
        for outer in visible(scope):
            sources = self.reading.sources(outer)
            found = [each for each in sources if each.has(name)]
            if len(found) == 1:
                self._owned(select, column, found[0], nearer, sources)
                return
            if found:
                # A join by USING made one of several; where they differ now, that is told there.
                if len({each.names[name] for each in found if each.names}) == 1:
                    self._rename(select, column, found[0], "")
                return
            nearer += sources
        whole = self.reading.named(scope, column.this)
        if whole and whole.replaced:
            self._row(column, whole, whole.replaced)

    def _owned(
        self,
        select: exp.Select,
        column: exp.Column,
        source: Source,
        nearer: list[Source],
        sources: list[Source],
    ) -> None:
        """Rename a column of ``source``, and write the table before it where it might be of another."""
        name = self.reading.key(column.this)
        new = source.changed().get(name)
        unknown = [each.name for each in nearer if each.names is None]
        if unknown and name in source.changed():
            problem = (
                f"{name} may be of {unknown[0]} or of {source.name}; write the table before it"
            )
            self._leave(column.this, problem)
            return
        aliases = {self.reading.key(e.args["alias"]) for e in select.expressions if e.alias}
        others = [each for each in (*nearer, *sources) if each is not source]
        is_unclear = new in aliases or any(each.may_get(new or "") for each in others)
        table = source.replaced.new if source.is_renamed and source.replaced else source.name
        self._rename(select, column, source, f"{table}." if is_unclear else "")

    def _row(self, column: exp.Column, source: Source, replaced: Replaced) -> None:
        if source.is_renamed:
            self._write(column.this, source.name.lower(), replaced.new)
        told = (
            f"{source.name} stands for a whole row of {replaced.new} now{_told(replaced.columns)}"
        )
        self._warn(column.this, told)

    def _rename(self, select: exp.Select, column: exp.Column, source: Source, before: str) -> None:
        name = self.reading.key(column.this)
        if name not in source.changed():
            return
        new = source.changed()[name]
        if new is None:
            self._leave(column.this, f"{name} is gone, and nothing in its place; take it out")
            return
        written = self._text(column.this)
        self._write(column.this, name, new, before)
        if (column.parent is select and column.arg_key == "expressions") or (
            self.reading.dialect == "bigquery" and isinstance(column.parent, exp.Struct)
        ):
            self._add(column.this, f" AS {written}")
        elif self._names_output(select, column):
            told = f"a column comes out as {new} now; add AS {name} to keep its name"
            self._warn(column.this, told)

    def _names_output(self, select: exp.Select, column: exp.Column) -> bool:
        """Say whether a column gives its name to an expression around it, as casts do in Postgres."""
        around: exp.Expression = column
        kinds = (
            (exp.Paren, exp.Cast, exp.Bracket)
            if self.reading.dialect == "postgres"
            else (exp.Paren,)
        )
        while isinstance(around.parent, kinds) and around.arg_key == "this":
            around = around.parent
        return around is not column and around.parent is select and around.arg_key == "expressions"

    def _is_output(self, select: exp.Select, column: exp.Column) -> bool:
        """Say whether a name in ORDER BY is that of a column that comes out."""
        order = column.find_ancestor(exp.Order, exp.Window, exp.WithinGroup, exp.Select)
        if not isinstance(order, exp.Order) or order.parent is not select:
            return False
        is_bare = isinstance(column.parent, exp.Ordered)
        if not is_bare and self.reading.dialect != "bigquery":
            return False
        return self.reading.key(column.this) in self.reading.outputs(select)

    def _text(self, identifier: exp.Identifier) -> str:
        return self.sql[identifier.meta["start"] : identifier.meta["end"] + 1]

    def _put(self, identifier: exp.Identifier, old: str, new: str | None) -> None:
        if new is None:
            self._leave(identifier, f"{old} is gone, and nothing in its place; take it out")
        else:
            self._write(identifier, old, new)

    def _write(self, identifier: exp.Identifier, old: str, new: str, before: str = "") -> None:
        """Write ``new`` in the place of an identifier, quoted as it was; a path in quotes keeps its rest."""
        start, written = identifier.meta["start"], self._text(identifier)
        at = written.lower().rfind(old)
        self.edits[start, start + len(written)] = (
            before + written[:at] + new + written[at + len(old) :]
        )

    def _add(self, identifier: exp.Identifier, text: str) -> None:
        end = identifier.meta["end"] + 1
        self.edits[end, end] = text

    def _leave(self, identifier: exp.Expression, problem: str) -> None:
        self.left.append(f"{self._line(identifier)}{problem}")

    def _warn(self, identifier: exp.Expression, warning: str) -> None:
        self.warnings.append(f"{self._line(identifier)}{warning}")

    def _line(self, identifier: exp.Expression) -> str:
        start = identifier.meta.get("start")
        return "" if start is None else f"line {self.sql.count(chr(10), 0, start) + 1}: "


def _told(columns: Names | None) -> str:
    columns = columns or {}
    renamed = [f"{new} for {old}" for old, new in columns.items() if new not in (None, old)]
    gone = [f"no {old}" for old, new in columns.items() if new is None]
    return f": {', '.join(renamed + gone)}" if renamed or gone else ""
