"""What one person is known by, as far as raw rows tell that it is the same person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import duckdb

from oso_processors.collectors.persons import Marked
from oso_processors.collectors.schema import sha256
from oso_processors.sql import literal

NOREPLY = "users.noreply.github.com"


@dataclass
class Identity:
    """A person's numeric ids, logins in lower case, and hashes of addresses; it grows."""

    ids: set[str] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)

    def grow(
        self, connection: duckdb.DuckDBPyConnection, tables: Sequence[Marked], where: str = "true"
    ) -> None:
        """Add what rows for which ``where`` holds tell: the logins that an account had, its addresses
        of GitHub's own, and the addresses that git histories say are the same author's."""

        def found(kinds: tuple[str, str], values: Iterable[str]) -> set[str]:
            return beside(connection, tables, kinds, values, where)

        self.logins |= found(("id", "login"), self.ids)
        own = {f"{login}@{NOREPLY}" for login in self.logins}
        own |= {f"{each}+{login}@{NOREPLY}" for each in self.ids for login in self.logins}
        self.emails |= {sha256(each) for each in own}
        self.emails |= found(("login", "email"), self.logins)
        while new := found(("email", "email"), self.emails) - self.emails:
            self.emails |= new


def beside(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[Marked],
    kinds: tuple[str, str],
    values: Iterable[str],
    where: str = "true",
) -> set[str]:
    """Return the identifiers of the second kind that stand in one slot with ``values`` of the first."""
    listed = ", ".join(literal(each) for each in values)
    asked = list(_pairs(tables, kinds, listed, where)) if listed else []
    if not asked:
        return set()
    query = f"SELECT DISTINCT value FROM ({' UNION '.join(asked)}) WHERE value IS NOT NULL"
    return {row[0] for row in connection.execute(query).fetchall()}


def _pairs(
    tables: Sequence[Marked], kinds: tuple[str, str], listed: str, where: str
) -> Iterator[str]:
    for table in tables:
        for one in table.flat():
            for other in table.flat():
                if one is not other and one.slot == other.slot and (one.kind, other.kind) == kinds:
                    yield (
                        f'SELECT lower(CAST("{other.column}" AS VARCHAR)) AS value'
                        f' FROM raw."{table.table}" WHERE ({where})'
                        f' AND lower(CAST("{one.column}" AS VARCHAR)) IN ({listed})'
                    )
