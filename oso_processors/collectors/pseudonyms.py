"""Put pseudonyms in the place of persons, in raw rows.

A pseudonym is a hash of the value with a secret of the person's own: the same value gets the same
pseudonym whenever it comes, so that counts stay what they are, and none can be traced to another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from oso_processors.collectors.persons import Mark, Marked
from oso_processors.sql import literal

SEPARATOR = "chr(31)"
ADDRESS = "[^\\s\"''<>(),;:\\\\]+@[^\\s\"''<>(),;:\\\\]+"
TOUCHED = "temp.touched"


@dataclass(frozen=True, slots=True)
class Known:
    """Identifiers of persons in the clear, each with the person's secret; never written down.

    `repositories` are full names of which the owner is to go. `without_id` are the secrets of persons
    of whom no numeric id is known: only they are known by a login that stands beside an id, since a
    login may pass to another account. `bots` are the secrets of persons that count as bots.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    logins: Mapping[str, str] = field(default_factory=dict)
    emails: Mapping[str, str] = field(default_factory=dict)
    repositories: Mapping[str, str] = field(default_factory=dict)
    without_id: frozenset[str] = frozenset()
    bots: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether nobody is known."""
        return not (self.ids or self.logins or self.emails)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What was, or would be, rewritten in a raw table: rows, those of each column, since when."""

    table: str
    row_count: int
    columns: Mapping[str, int]
    since: datetime | None


def rewrite(
    connection: duckdb.DuckDBPyConnection,
    marked: Marked,
    known: Known,
    where: str = "true",
    is_dry: bool = False,
) -> Rewritten:
    """Replace what tells of ``known`` in the rows of a table for which ``where`` holds.

    With ``is_dry`` nothing is changed.
    """
    new = {name: _value(marked, name, known) for name in marked.columns}
    listed = ", ".join(f'{value} AS "new {name}"' for name, value in new.items())
    changed = " OR ".join(f'"{name}" IS DISTINCT FROM "new {name}"' for name in new)
    concerned = " OR ".join(_conditions(marked, known, where)) or "false"
    _tell(connection, known)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE touched AS FROM (SELECT rowid AS place, *, {listed}"
        f' FROM raw."{marked.table}" WHERE ({where}) AND ({concerned})) WHERE {changed}'
    )
    done = _counted(connection, marked)
    if done.row_count and not is_dry:
        changes = ", ".join(f'"{name}" = touched."new {name}"' for name in new)
        connection.execute(
            f'UPDATE raw."{marked.table}" AS old SET {changes} FROM {TOUCHED} AS touched'
            " WHERE old.rowid = touched.place"
        )
    connection.execute(f"DROP TABLE {TOUCHED}")
    _tell(connection, Known())
    return done


def _tell(connection: duckdb.DuckDBPyConnection, known: Known) -> None:
    """Set the variables of the connection in which secrets are looked up.

    The same as literals, in functions over lists, takes a hundred times as long.
    """
    alone = {login: each for login, each in known.logins.items() if each in known.without_id}
    maps: Mapping[str, Mapping[str, str]] = {
        "ids": known.ids,
        "logins": known.logins,
        "logins_alone": alone,
        "emails": known.emails,
        "repositories": known.repositories,
        "bots": dict.fromkeys(known.bots, ""),
    }
    for name, values in maps.items():
        connection.execute(f"SET VARIABLE forgotten_{name} = {_map(values)}")


def _counted(connection: duckdb.DuckDBPyConnection, marked: Marked) -> Rewritten:
    counts = ", ".join(
        f'count_if("{name}" IS DISTINCT FROM "new {name}")' for name in marked.columns
    )
    since = f'min("{marked.time_column}")' if marked.time_column else "NULL::TIMESTAMPTZ"
    query = f"SELECT count(*), {since}, {counts} FROM {TOUCHED}"
    row_count, first, *columns = connection.execute(query).fetchone() or (0, None)
    by_name = dict(zip(marked.columns, columns, strict=True))
    return Rewritten(marked.table, row_count, {n: c for n, c in by_name.items() if c}, first)


def _conditions(marked: Marked, known: Known, where: str) -> Iterator[str]:
    """Give the conditions of which one holds for each row that may tell of ``known``.

    They are looked up in a list each, which costs the same however many are known.
    """
    for mark in marked.flat():
        yield from _may_tell(mark, known, _in_row(mark))
    for column in marked.items:
        tests = [test for e in marked.nested(column) for test in _may_tell(e, known, _in_item(e))]
        if tests:
            yield (
                f'rowid IN (SELECT place FROM (SELECT rowid AS place, unnest("{column}") AS item'
                f' FROM raw."{marked.table}" WHERE ({where})) WHERE {" OR ".join(tests)})'
            )


def _may_tell(mark: Mark, known: Known, value: str) -> Iterator[str]:
    if mark.kind == "text":
        yield f"({_told_of(known, value)})"
        return
    values = {
        "id": known.ids,
        "email": known.emails,
        "owner": known.repositories,
    }.get(mark.kind, known.logins)
    if values:
        listed = ", ".join(literal(each) for each in values)
        yield f"lower(CAST({value} AS VARCHAR)) IN ({listed})"


def _value(marked: Marked, column: str, known: Known) -> str:
    """Return the new value of a column."""
    marks = marked.nested(column)
    if not marks:
        mark = next(each for each in marked.flat() if each.column == column)
        return _replaced(mark, marked.flat(), known, _in_row)
    by_field = {each.field: each for each in marks}
    fields = ", ".join(
        f"'{name}': "
        + (
            _replaced(by_field[name], marks, known, _in_item)
            if name in by_field
            else f'item."{name}"'
        )
        for name in marked.items[column]
    )
    return f'list_transform("{column}", lambda item: {{{fields}}})'


def _replaced(mark: Mark, marks: Sequence[Mark], known: Known, place: Callable[[Mark], str]) -> str:
    secret, value = _secret(mark, marks, known, place), place(mark)
    new = _pseudonym(mark.kind, value, secret)
    return f"CASE WHEN {secret} IS NULL THEN {value} ELSE {new} END"


def _pseudonym(kind: str, value: str, secret: str) -> str:
    """Return the expression of what stands for ``value``."""

    def hashed(text: str) -> str:
        return f"sha256(concat({secret}, {SEPARATOR}, {text}))"

    def named(text: str) -> str:
        bots = f"{_looked_up('bots', secret)} IS NOT NULL"
        is_bot = f"({bots} OR contains(lower({text}), '[bot]'))"
        return (
            f"concat('forgotten-', left({hashed(f'lower({text})')}, 20), if({is_bot}, '[bot]', ''))"
        )

    if kind == "id":
        # Below zero, where no source numbers anything.
        number = f"CAST(concat('0x', left({hashed(f'CAST({value} AS VARCHAR)')}, 15)) AS BIGINT)"
        return f"if({value} IS NULL, NULL, -{number})"
    if kind == "email":
        return f"if({value} IS NULL, NULL, {hashed(value)})"
    if kind == "owner":
        owner = f"split_part({value}, '/', 1)"
        return f"concat({named(owner)}, substr({value}, strpos({value}, '/')))"
    return "NULL" if kind == "text" else f"if({value} IS NULL, NULL, {named(value)})"


def _secret(mark: Mark, marks: Sequence[Mark], known: Known, place: Callable[[Mark], str]) -> str:
    """Return the expression of the secret of the person that ``mark`` tells of; NULL for others."""
    value = place(mark)
    if mark.kind == "owner":
        return _looked_up("repositories", f"lower({value})")
    if mark.kind == "text":
        return f"if({_told_of(known, value)}, '', NULL)"
    slot = [each for each in marks if each.slot == mark.slot]
    found = [_by(each, slot, place) for each in slot if each.kind in ("id", "login", "email")]
    if mark.kind == "name":
        # Many are called as others log in; the name goes, the person stays.
        found.append(_looked_up("logins", f"lower({value})"))
    return f"coalesce({', '.join(found)}, NULL)"


def _by(mark: Mark, slot: Sequence[Mark], place: Callable[[Mark], str]) -> str:
    """Return the expression of the secret that one identifier leads to."""
    value = place(mark)
    if mark.kind == "id":
        return _looked_up("ids", f"CAST({value} AS VARCHAR)")
    if mark.kind == "email":
        return _looked_up("emails", value)
    login = f"lower({value})"
    ids = [place(each) for each in slot if each.kind == "id"]
    if not ids:
        return _looked_up("logins", login)
    return (
        f"if({ids[0]} IS NULL, {_looked_up('logins', login)}, {_looked_up('logins_alone', login)})"
    )


def _looked_up(name: str, value: str) -> str:
    return f"getvariable('forgotten_{name}')[{value}]"


def _told_of(known: Known, value: str) -> str:
    """Return the condition that a text names any of ``known``."""
    words = "|".join(re.escape(each) for each in (*known.logins, *known.ids))
    pattern = literal(f"(^|[^a-z0-9])({words})($|[^a-z0-9])")
    emails = ", ".join(literal(each) for each in known.emails)
    hashes = f"list_transform(regexp_extract_all(lower({value}), '{ADDRESS}'), lambda each: sha256(each))"
    tests = [f"regexp_matches(lower({value}), {pattern})"] if words else []
    tests += [f"list_has_any({hashes}, [{emails}]::VARCHAR[])"] if emails else []
    # A hash may stand in a text as it is.
    tests += [f"regexp_matches({value}, {literal('|'.join(known.emails))})"] if emails else []
    return " OR ".join(tests) or "false"


def _map(values: Mapping[str, str]) -> str:
    listed = ", ".join(f"{literal(value)}: {literal(secret)}" for value, secret in values.items())
    return f"MAP {{{listed}}}" if values else "MAP([]::VARCHAR[], []::VARCHAR[])"


def _in_row(mark: Mark) -> str:
    return f'"{mark.column}"'


def _in_item(mark: Mark) -> str:
    return f'item."{mark.field}"'
