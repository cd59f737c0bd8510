"""The cells of a table that are to be computed, and the query that computes them and no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from oso_processors.differences.inputs import Columns, Concerned, Inputs
from oso_processors.differences.kept import Held, place_of

NEAR = "_rows_near"  # rows that are in the parts, and perhaps others


@dataclass(frozen=True)
class Part:
    """Cells by their values of some columns: `named` holds these, `reached` those of what joins them, too."""

    columns: Columns
    named: str
    reached: Held

    @property
    def tables(self) -> tuple[str, str]:
        """The temporary tables that it is."""
        return self.named, self.reached.place.name


def parts_of(concerned: Concerned, inputs: Inputs) -> list[Part]:
    """Make the tables of the cells that are concerned, one for each set of columns; fewer columns come first."""
    parts: list[Part] = []
    for columns in sorted(concerned.by, key=len):
        query = " UNION ALL ".join(concerned.by[columns])
        covering = [each for each in parts if set(each.columns) <= set(columns)]
        part = _part(len(parts), columns, f"FROM ({query}){outside(covering)}", inputs)
        if part is not None:
            parts.append(part)
    return parts


def rows_given(parts: list[Part], inputs: Inputs, listed: str) -> str:
    """Return a query of the rows that the query gives in the parts, each once."""
    return " UNION ALL ".join(
        f"SELECT {listed} FROM ({_limited(part, inputs).sql(dialect='duckdb')})"
        f"{inside(part)}{outside(parts[:number])}"
        for number, part in enumerate(parts)
    )


def _limited(part: Part, inputs: Inputs) -> exp.Query:
    """Return the query with the tables that it reads limited to what the part's cells depend on.

    It may give other rows, too: of tables that have none of the columns, nothing is left out.
    """
    query = inputs.query.copy()
    held = {each.place: each for each in inputs.tables}
    for table in list(query.find_all(exp.Table)):
        place = place_of(table)
        # What the query names itself in WITH is no input.
        columns = held[place].columns if place in held else ()
        shared = [each for each in part.reached.columns if each in columns]
        if shared:
            table.replace(_rows(place, table.alias_or_name, shared, part.reached.place))
    return query


def _rows(place: exp.Table, alias: str, shared: list[str], by: exp.Table) -> exp.Subquery:
    using = [exp.to_identifier(each, quoted=True) for each in shared]
    joined = exp.Join(this=by.copy(), kind="SEMI", using=using)
    rows = exp.select("*").from_(place.copy())
    rows.append("joins", joined)
    return rows.subquery(exp.to_identifier(alias, quoted=True))


def rows_of(parts: list[Part], table: Held, listed: str) -> str:
    """Return a query of those rows of a table that are in the parts, each once."""
    common = [each for each in parts[0].columns if all(each in part.columns for part in parts)]
    near = table.sql
    if common and len(parts) > 1:
        # The table is read once, by what all parts have.
        keys = " UNION ".join(f"SELECT {_listed(common)} FROM {part.named}" for part in parts)
        table.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {NEAR} AS SELECT {listed} FROM {table.sql}"
            f" SEMI JOIN ({keys}) AS keys USING ({_listed(common)})"
        )
        near, listed = NEAR, "*"
    return " UNION ALL ".join(
        f"SELECT {listed} FROM {near}{inside(part)}{outside(parts[:number])}"
        for number, part in enumerate(parts)
    )


def inside(part: Part) -> str:
    """Return what leaves out the rows that are not in a part."""
    return f" SEMI JOIN {part.named} USING ({_listed(part.columns)})"


def outside(parts: list[Part]) -> str:
    """Return what leaves out the rows that are in one of the parts."""
    return "".join(f" ANTI JOIN {e.named} USING ({_listed(e.columns)})" for e in parts)


def _part(number: int, columns: Columns, query: str, inputs: Inputs) -> Part | None:
    connection, named, reached = inputs.connection, f"_cells_{number}", f"_reached_{number}"
    present = " AND ".join(f'"{each}" IS NOT NULL' for each in columns)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {named} AS SELECT DISTINCT * FROM ({query}) WHERE {present}"
    )
    if not connection.execute(f"FROM {named} LIMIT 1").fetchone():
        return None
    listed, joined = _listed(columns), f"FROM {named}"
    for table, shared, more in _bridge(columns, inputs):
        listed = _listed((*columns, *more))
        joined += f" JOIN {table.sql} USING ({_listed(shared)})"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {reached} AS SELECT DISTINCT {listed} {joined}"
    )
    place = exp.table_(reached, "main", "temp", quoted=True)
    return Part(columns, named, Held(connection, place))


def _bridge(columns: Columns, inputs: Inputs) -> Iterator[tuple[Held, Columns, Columns]]:
    """Give the last table of `through`, what it shares with the cells, and by what it joins other inputs."""
    for table in inputs.through[-1:]:
        shared = tuple(each for each in columns if each in table.columns)
        others = {
            column for held in inputs.tables if held.place != table.place for column in held.columns
        }
        more = tuple(e for e in table.columns if e in others and e not in columns)
        if shared and more:
            yield table, shared, more


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{each}"' for each in columns)
