"""Who is to be forgotten: as a person writes it, and as it is found in the raw rows."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import duckdb

from oso_processors.collectors.forgotten import with_repositories
from oso_processors.collectors.persons import Marked
from oso_processors.collectors.pseudonyms import Known
from oso_processors.collectors.schema import sha256
from oso_processors.errors import ActorAmbiguous, ActorInvalid
from oso_processors.ids import entity_id, lower_ascii
from oso_processors.sql import literal

WRITTEN = re.compile(r"github:([A-Za-z0-9][A-Za-z0-9_-]*(?:\[bot\])?)|email:(\S+@\S+)")
NOREPLY = "users.noreply.github.com"


@dataclass(frozen=True, slots=True)
class Actor:
    """An account by its login or its numeric id, or an address by its hash.

    `said` is how messages name it: without what stands in the address.
    """

    kind: str
    value: str
    said: str


@dataclass
class Identity:
    """What one person is known by; it grows while it is looked for."""

    ids: set[str] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)


def parse(text: str) -> Actor:
    """Read ``github:LOGIN``, ``github:ID`` or ``email:ADDRESS``; raise `ActorInvalid`."""
    found = WRITTEN.fullmatch(text.strip())
    if found is None:
        # An address that was written wrong is an address still.
        raise ActorInvalid("email:…" if "@" in text else text)
    if found[2]:
        return Actor("email", sha256(found[2]), "email:…")
    # GitHub takes no login of digits alone any more.
    kind = "id" if found[1].isdigit() else "login"
    return Actor(kind, lower_ascii(found[1]), f"github:{found[1]}")


def find(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Marked], actors: Sequence[Actor]
) -> Known:
    """Return all that the raw rows know of one person, with a new secret.

    To an account belong its ids, the logins that it had, its addresses of GitHub's own, and what git
    histories say is the same author. Raise `ActorAmbiguous`.
    """
    person = Identity()
    for actor in actors:
        _enter(connection, tables, actor, person)
    _add_addresses(connection, tables, person)
    secret = secrets.token_hex(16)
    known = Known(
        dict.fromkeys(sorted(person.ids), secret),
        dict.fromkeys(sorted(person.logins), secret),
        dict.fromkeys(sorted(person.emails), secret),
        without_id=frozenset() if person.ids else frozenset({secret}),
        bots=frozenset({secret}) if _is_listed_bot(connection, person) else frozenset(),
    )
    return with_repositories(connection, tables, known)


def derived(known: Known, key: str) -> set[str]:
    """Return by what models know a person, beside the identifiers themselves."""
    accounts = {entity_id("GITHUB_ACCOUNT", "", each) for each in (*known.ids, *known.logins)}
    return accounts | {entity_id("EMAIL", "", sha256(f"{key}{each}")) for each in known.emails}


def places(known: Known) -> set[str]:
    """Return by what models know the repositories that are named for a person."""
    found: set[str] = set()
    for name in known.repositories:
        owner, _, own = name.partition("/")
        found |= {name, f"https://github.com/{name}", entity_id("GITHUB", owner, own)}
    return found


def _enter(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Marked], actor: Actor, person: Identity
) -> None:
    """Add an actor to ``person``, an account with its id and all its logins."""
    if actor.kind == "email":
        person.emails.add(actor.value)
        return
    ids = {actor.value} if actor.kind == "id" else set()
    if actor.kind == "login":
        person.logins.add(actor.value)
        ids = _beside(connection, tables, ("login", "id"), {actor.value})
        if len(ids) > 1:
            raise ActorAmbiguous(actor.said, tuple(sorted(ids)))
    person.ids |= ids
    person.logins |= _beside(connection, tables, ("id", "login"), ids)


def _add_addresses(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Marked], person: Identity
) -> None:
    """Add the hashes of GitHub's own addresses, and of those that histories say are the same's."""
    own = {f"{login}@{NOREPLY}" for login in person.logins}
    own |= {f"{each}+{login}@{NOREPLY}" for each in person.ids for login in person.logins}
    person.emails |= {sha256(each) for each in own}
    person.emails |= _beside(connection, tables, ("login", "email"), person.logins)
    while new := _beside(connection, tables, ("email", "email"), person.emails) - person.emails:
        person.emails |= new


def _beside(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[Marked],
    kinds: tuple[str, str],
    values: Iterable[str],
) -> set[str]:
    """Return the identifiers of one kind that stand in one slot with ``values`` of another."""
    listed = ", ".join(literal(each) for each in values)
    asked = list(_pairs(tables, kinds, listed)) if listed else []
    if not asked:
        return set()
    query = f"SELECT DISTINCT value FROM ({' UNION '.join(asked)}) WHERE value IS NOT NULL"
    return {row[0] for row in connection.execute(query).fetchall()}


def _pairs(tables: Sequence[Marked], kinds: tuple[str, str], listed: str) -> Iterable[str]:
    for table in tables:
        for one in table.flat():
            for other in table.flat():
                if one is not other and one.slot == other.slot and (one.kind, other.kind) == kinds:
                    yield (
                        f'SELECT lower(CAST("{other.column}" AS VARCHAR)) AS value'
                        f' FROM raw."{table.table}"'
                        f' WHERE lower(CAST("{one.column}" AS VARCHAR)) IN ({listed})'
                    )


def _is_listed_bot(connection: duckdb.DuckDBPyConnection, person: Identity) -> bool:
    """Say whether a login counts as a bot by name; what says so itself needs no list."""
    listed = ", ".join(literal(each) for each in person.logins)
    try:
        query = f"SELECT 1 FROM seeds.bots WHERE lower(account) IN ({listed or 'NULL'}) LIMIT 1"
        return connection.execute(query).fetchone() is not None
    except duckdb.CatalogException:
        # Nothing was built yet.
        return False
