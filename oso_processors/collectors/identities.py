"""What one person is known by, as far as raw rows tell that it is the same person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import duckdb

from oso_processors.collectors.persons import Marked
from oso_processors.collectors.schema import sha256
from oso_processors.sql import literal

NOREPLY = "users.noreply.github.com"
# The kinds of identifiers, and where they are told.
KINDS = {"id": "ids", "login": "logins", "email": "emails"}


@dataclass
class Identity:
    """A person's numeric ids, logins in lower case, and hashes of addresses; it grows."""

    ids: set[str] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)

    def own_addresses(self) -> set[str]:
        """Return the hashes of the addresses that GitHub gives the account."""
        own = {f"{login}@{NOREPLY}" for login in self.logins}
        own |= {f"{each}+{login}@{NOREPLY}" for each in self.ids for login in self.logins}
        return {sha256(each) for each in own}


@dataclass(frozen=True, slots=True)
class Rows:
    """The raw rows of ``tables`` for which ``where`` holds."""

    connection: duckdb.DuckDBPyConnection
    tables: Sequence[Marked]
    where: str = "true"

    def beside(self, kinds: tuple[str, str], values: Iterable[str]) -> list[tuple[str, str]]:
        """Return which identifiers of the second kind stand in one slot with ``values`` of the first."""
        listed = ", ".join(literal(each) for each in values)
        return self._found(list(self._pairs(kinds, listed)) if listed else [])

    def grow(self, persons: Collection[Identity]) -> None:
        """Add to each person what rows tell.

        Those are the logins that an account had, its addresses of GitHub's own, those of commits that it
        pushed under its login as a name, and those that git histories say are the same author's.
        """
        self._spread(persons, ("id", "login"))
        for each in persons:
            each.emails |= each.own_addresses()
        self._spread(persons, ("login", "email"))
        for value, found in self._signed({each for person in persons for each in person.ids}):
            next(each for each in persons if value in each.ids).emails.add(found)
        while self._spread(persons, ("email", "email")):
            pass

    def _spread(self, persons: Collection[Identity], kinds: tuple[str, str]) -> bool:
        """Add the identifiers beside those that are known, and say whether there are new ones."""
        name, other = KINDS[kinds[0]], KINDS[kinds[1]]
        owners = {value: person for person in persons for value in getattr(person, name)}
        is_new = False
        for value, found in self.beside(kinds, owners):
            known = getattr(owners[value], other)
            is_new |= found not in known
            known.add(found)
        return is_new

    def _signed(self, ids: Collection[str]) -> list[tuple[str, str]]:
        """Return for ``ids`` the addresses in what the accounts did, such as commits, of which the
        author's name is the account's login; letters and digits are compared."""
        listed = ", ".join(literal(each) for each in ids)
        asked = [
            query.format(where=f"({self.where}) AND CAST({by} AS VARCHAR) IN ({listed})")
            for table in self.tables
            for by, query in _signatures(table)
        ]
        return self._found(asked) if listed else []

    def _found(self, asked: Sequence[str]) -> list[tuple[str, str]]:
        if not asked:
            return []
        query = f"SELECT DISTINCT value, other FROM ({' UNION '.join(asked)})"
        return self.connection.execute(f"{query} WHERE other IS NOT NULL").fetchall()

    def _pairs(self, kinds: tuple[str, str], listed: str) -> Iterator[str]:
        for table in self.tables:
            for one in table.flat():
                for other in table.flat():
                    is_slot = one is not other and one.slot == other.slot
                    if is_slot and (one.kind, other.kind) == kinds:
                        value = f'lower(CAST("{one.column}" AS VARCHAR))'
                        yield (
                            f'SELECT {value} AS value, lower(CAST("{other.column}" AS VARCHAR)) AS other'
                            f' FROM raw."{table.table}" WHERE ({self.where}) AND {value} IN ({listed})'
                        )


def _signatures(table: Marked) -> Iterator[tuple[str, str]]:
    """Give the column of who did what a row tells, and a query for each list of signed items."""
    actor = {each.kind: f'"{each.column}"' for each in table.flat() if each.slot == "actor"}
    for column in table.items:
        author = {each.kind: f'item."{each.field}"' for each in table.nested(column)}
        if actor.keys() >= {"id", "login"} and author.keys() >= {"email", "name"}:
            name, login = (
                f"regexp_replace(lower({each}), '[^a-z0-9]', '', 'g')"
                for each in (author["name"], actor["login"])
            )
            yield (
                actor["id"],
                f"SELECT CAST({actor['id']} AS VARCHAR) AS value, {author['email']} AS other FROM"
                f' (SELECT {actor["id"]}, {actor["login"]}, unnest("{column}") AS item'
                f' FROM raw."{table.table}" WHERE {{where}}) WHERE {name} = {login}',
            )
