"""What a query reads, and which cells of its result are concerned by what changed there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

import duckdb
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from oso_processors.differences.kept import Held, Kept, place_of, tables_of
from oso_processors.sql import literal

NOW = "_inputs_now"  # the state of all inputs: input, key, value
TEXT = "query"  # the query itself is an input: a date or a variable may stand in it

Columns = tuple[str, ...]


@dataclass
class Concerned:
    """The cells that are to be computed: all, or those of some values of some columns."""

    all: bool = False
    by: defaultdict[Columns, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, columns: Columns, query: str) -> None:
        """Add the cells that have one of the query's values in ``columns``."""
        if columns:
            self.by[columns].append(query)
        else:
            self.all = True


@dataclass(frozen=True)
class Inputs:
    """The tables that a query reads.

    ``cells`` are columns of its result: a row depends on those rows only that have the same values in such
    of these columns as they have. ``through`` are tables by which others are joined to such rows, by the
    names of their columns.
    """

    connection: duckdb.DuckDBPyConnection
    query: exp.Query
    cells: Columns
    through: Sequence[Held]

    def concerned(self, target: Kept) -> Concerned:
        """Note the state of all inputs in the table NOW; return what differs from what ``target`` was made from."""
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {NOW} (input VARCHAR, key VARCHAR, value VARCHAR)"
        )
        found, marks = Concerned(), {}
        before = self._before(target)
        text = sha256(self.query.sql(dialect="duckdb").encode()).hexdigest()
        marks[TEXT] = text
        found.all = before.get(TEXT) != text
        for held, used in self.tables.items():
            for base, columns in self._opened(held, used):
                if isinstance(base, Kept):
                    marks[base.sql] = base.mark
                    if before.get(base.sql) != base.mark:
                        self._of_kept(base, held, before.get(base.sql, ""), found)
                else:
                    self._of_other(base, columns, target, found)
        rows = ", ".join(f"({literal(each)}, '', {literal(mark)})" for each, mark in marks.items())
        self.connection.execute(f"INSERT INTO {NOW} VALUES {rows}")
        return found

    @cached_property
    def tables(self) -> dict[Held, Columns]:
        """Each table with the columns that the query uses of it; all, where that is not plain."""
        used = _used(self.query)
        found = (Held(self.connection, place) for place in tables_of(self.query))
        return {
            held: tuple(e for e in held.columns if e in columns) or held.columns
            if (columns := used.get(held.place)) is not None
            else held.columns
            for held in found
        }

    def _before(self, target: Kept) -> dict[str, str]:
        if not target.own:
            return {}
        rows = self.connection.execute(
            f"SELECT input, value FROM {target.read.sql} WHERE key = ''"
        ).fetchall()
        return dict(rows)

    def _opened(self, held: Held, used: Columns) -> Iterator[tuple[Held, Columns]]:
        """Give the tables that stand for one: those behind a view, where any of them is kept."""
        kept = Kept(self.connection, held.place)
        if kept.own:
            yield kept, used
            return
        read = [Held(self.connection, place) for place in held.reads]
        behind = [each for table in read for each in self._opened(table, table.columns)]
        if any(isinstance(base, Kept) for base, _ in behind):
            yield from behind
        else:
            yield held, used

    def _of_kept(self, base: Kept, held: Held, before: str, found: Concerned) -> None:
        build = base.build_of(before)
        if build is None:
            found.all = True
            return
        columns = tuple(
            each for each in base.logged if each in held.columns or held.place == base.place
        )
        query = base.changed_since(build)
        found.add(*self._reached(held, columns, query))

    def _of_other(self, base: Held, used: Columns, target: Kept, found: Concerned) -> None:
        """Compare a table without a log by sums of its rows' hashes: by a column of the cells, if it has one."""
        column = next((each for each in self.cells if each in base.columns), None)
        listed = ", ".join(f'"{each}"' for each in used)
        digest = f"concat(count(*), ':', sum(hash({listed})::HUGEINT)) FROM {base.sql}"
        if column is None:
            self._note_query(base, f"'', {digest}")
        else:
            self._note_query(base, f"'', {digest} WHERE \"{column}\" IS NULL")
            key = f'CAST("{column}" AS VARCHAR)'
            self._note_query(base, f'{key}, {digest} WHERE "{column}" IS NOT NULL GROUP BY {key}')
        if not target.own:
            return
        name = literal(base.sql)
        differing = (
            f"FROM (FROM {NOW} WHERE input = {name}) AS now"
            f" FULL JOIN (FROM {target.read.sql} WHERE input = {name}) AS before USING (key)"
            " WHERE now.value IS DISTINCT FROM before.value"
        )
        (count, everywhere) = self.connection.execute(
            f"SELECT count(*), count(*) FILTER (key = '') {differing}"
        ).fetchone() or (0, 0)
        if everywhere:
            found.all = True
        elif count and column is not None:
            found.add((column,), self._typed(base, column, f"SELECT key {differing}"))

    def _typed(self, base: Held, column: str, keys: str) -> str:
        """Return a query of keys as values of the column that they are of."""
        described = self.connection.execute(
            f'SELECT "{column}" FROM {base.sql} LIMIT 0'
        ).description
        return f'SELECT CAST(key AS {described[0][1]}) AS "{column}" FROM ({keys})'

    def _note_query(self, base: Held, query: str) -> None:
        self.connection.execute(f"INSERT INTO {NOW} SELECT ?, {query}", [base.sql])

    def _reached(self, held: Held, columns: Columns, query: str) -> tuple[Columns, str]:
        """Lead from changed rows to cells, through the tables that join them."""
        for table in self.through:
            if set(self.cells) <= set(columns):
                break
            shared = [each for each in columns if each in table.columns]
            if not shared or table.place == held.place:
                continue
            more = tuple(each for each in table.columns if each not in columns)
            listed = ", ".join(f'"{each}"' for each in (*columns, *more))
            using = ", ".join(f'"{each}"' for each in shared)
            query = (
                f"SELECT DISTINCT {listed} FROM (SELECT DISTINCT * FROM ({query}))"
                f" JOIN ({self._also_former(table)}) USING ({using})"
            )
            columns += more
        shared_cells = tuple(each for each in self.cells if each in columns)
        listed = ", ".join(f'"{each}"' for each in shared_cells)
        return shared_cells, f"SELECT {listed} FROM ({query})"

    def _also_former(self, table: Held) -> str:
        """Return a query of a table's rows, and of those that it had, as far as its log tells."""
        kept = Kept(self.connection, table.place)
        if not kept.own:
            return f"FROM {table.sql}"
        return f"FROM {table.sql} UNION ALL BY NAME {kept.changed_since(0)}"


def _used(query: exp.Query) -> dict[exp.Table, set[str]]:
    """Return what a query uses of the tables of which every column that it uses says whose it is."""
    used: defaultdict[exp.Table, set[str]] = defaultdict(set)
    unclear: set[exp.Table] = set()
    for scope in traverse_scope(query):
        tables = {
            name: place_of(source)
            for name, source in scope.sources.items()
            if isinstance(source, exp.Table)
        }
        for column in scope.columns:
            if column.table in tables:
                used[tables[column.table]].add(column.name)
        joins = scope.expression.args.get("joins") or ()
        if (
            scope.expression.is_star
            or any(not column.table for column in scope.columns)
            or any(join.args.get("using") for join in joins)
        ):
            unclear.update(tables.values())
    return {place: columns for place, columns in used.items() if place not in unclear}
