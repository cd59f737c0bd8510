"""Writing what differs, and nothing else, in the transaction of whoever writes."""

from __future__ import annotations

from sqlglot import exp

from oso_processors.differences.cells import NEAR, Part, inside, parts_of, rows_given, rows_of
from oso_processors.differences.inputs import NOW, Concerned, Inputs
from oso_processors.differences.kept import BUILD, Kept

NEW, OLD, GONE, CAME = "_rows_new", "_rows_old", "_rows_gone", "_rows_came"
HASH = "_hash"  # of a row, in these tables
ROWS_AT_ONCE = 4_000_000  # compared, or audited apart: they lie in memory


def begin(target: Kept, keys: tuple[str, ...]) -> None:
    """Begin the memory of a table that was just made whole, of the inputs whose state was noted last."""
    target.begin(keys)
    _remember(target)


def update(target: Kept, inputs: Inputs, concerned: Concerned) -> bool:
    """Make a table what its query gives now, by the rows that differ in what is concerned.

    Return whether it was done: where very many rows are concerned, it is less work to make the table whole.
    """
    parts = [] if concerned.all else parts_of(concerned, inputs)
    target.drop_fresh()
    is_done = not (concerned.all or parts) or _reach(target, parts) <= ROWS_AT_ONCE
    if is_done:
        is_audited = target.own["audited"] == target.own["build"]
        if concerned.all or parts:
            _compute(target, inputs, parts)
            _apply(target)
        if is_audited and not concerned.all:
            _leave_to_audits(target, bool(parts))
        _remember(target)
    for table in (NEW, OLD, GONE, CAME, NEAR, *(name for part in parts for name in part.tables)):
        target.connection.execute(f"DROP TABLE IF EXISTS temp.main.{table}")
    return is_done


def _reach(target: Kept, parts: list[Part]) -> int:
    """Return how many rows the parts have now, or all."""
    counts = [f"SELECT count(*) AS rows FROM {target.sql}{inside(part)}" for part in parts]
    counted = " UNION ALL ".join(counts) or f"SELECT count(*) AS rows FROM {target.sql}"
    row = target.connection.execute(f"SELECT sum(rows) FROM ({counted})").fetchone()
    return int(row[0]) if row else 0


def _leave_to_audits(target: Kept, has_parts: bool) -> None:
    """Leave the rows that were computed, if any, to be audited apart."""
    if not has_parts:
        target.connection.execute(
            f"CREATE TEMP TABLE {target.fresh.sql} AS FROM {target.sql} LIMIT 0"
        )
    else:
        name = exp.to_identifier(target.fresh.place.name, quoted=True).sql()
        target.connection.execute(f"ALTER TABLE temp.main.{NEW} DROP COLUMN {HASH}")
        target.connection.execute(f"ALTER TABLE temp.main.{NEW} RENAME TO {name}")


def _compute(target: Kept, inputs: Inputs, parts: list[Part]) -> None:
    """Make the tables of the rows that there are to be, and of those that there are, in the parts or in all."""
    listed, numbered = _listed(target), f"rowid AS _number, {_listed(target)}"
    if parts:
        new = rows_given(parts, inputs, listed)
        old = rows_of(parts, target, numbered)
    else:
        new = f"SELECT {listed} FROM ({inputs.query.sql(dialect='duckdb')})"
        old = f"SELECT {numbered} FROM {target.sql}"
    for table, rows in ((NEW, new), (OLD, old)):
        target.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT *, hash({listed}) AS {HASH} FROM ({rows})"
        )


def _apply(target: Kept) -> None:
    """Write the rows that differ, and log their keys."""
    execute, listed = target.connection.execute, _listed(target)
    old, new = _sums(target, OLD), _sums(target, NEW)
    for differing, rows, others in ((GONE, OLD, NEW), (CAME, NEW, OLD)):
        _compare(target, differing, rows, others, 1 + max(old[0], new[0]) // ROWS_AT_ONCE)
    gone, came = _sums(target, GONE), _sums(target, CAME)
    if any(o - g + c != n for o, n, g, c in zip(old, new, gone, came, strict=True)):
        # Rows stand twice, which only an audit may judge: all are written as the query gives them.
        execute(f"CREATE OR REPLACE TEMP TABLE {GONE} AS FROM {OLD}")
        execute(f"CREATE OR REPLACE TEMP TABLE {CAME} AS FROM {NEW}")
        gone, came = old, new
    if not (gone[0] or came[0]):
        return
    build = int(target.own["build"]) + 1
    keys = ", ".join(f'"{each}"' for each in target.logged)
    execute(f"DELETE FROM {target.sql} WHERE rowid IN (SELECT _number FROM {GONE})")
    execute(f"INSERT INTO {target.sql} ({listed}) SELECT {listed} FROM {CAME}")
    execute(
        f"INSERT INTO {target.log.sql} ({BUILD}, {keys})"
        f" SELECT {build}, {keys} FROM {GONE} UNION ALL SELECT {build}, {keys} FROM {CAME}"
    )
    target.built(build)


def _compare(target: Kept, differing: str, rows: str, others: str, times: int) -> None:
    """Make a table of the rows that are not among others, in so many steps: their hash tables must fit."""
    execute = target.connection.execute
    same = " AND ".join(
        f'a."{each}" IS NOT DISTINCT FROM b."{each}"' for each in (HASH, *target.columns)
    )
    execute(f"CREATE OR REPLACE TEMP TABLE {differing} AS FROM {rows} LIMIT 0")
    for number in range(times):
        now = f"WHERE {HASH} % {times} = {number}"
        execute(
            f"INSERT INTO {differing} FROM (FROM {rows} {now}) AS a"
            f" ANTI JOIN (FROM {others} {now}) AS b ON {same}"
        )


def _remember(target: Kept) -> None:
    """Keep the state of the inputs that the rows were made from."""
    target.connection.execute(f"DELETE FROM {target.read.sql} WHERE input <> ''")
    target.connection.execute(f"INSERT INTO {target.read.sql} FROM {NOW}")


def _listed(target: Kept) -> str:
    return ", ".join(f'"{each}"' for each in target.columns)


def _sums(target: Kept, table: str) -> tuple[int, int]:
    """Return how many rows a table has, and the sum of their hashes."""
    row = target.connection.execute(
        f"SELECT count(*), coalesce(sum({HASH}::HUGEINT), 0) FROM {table}"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
