"""Who is to be forgotten: as a person writes it, and as it is found in the raw rows."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from oso_processors.collectors.forgotten import known_by, with_repositories
from oso_processors.collectors.identities import Identity, Rows
from oso_processors.collectors.persons import Marked
from oso_processors.collectors.pseudonyms import Known
from oso_processors.collectors.schema import sha256
from oso_processors.errors import ActorAmbiguous, ActorInvalid
from oso_processors.ids import entity_id, lower_ascii
from oso_processors.sql import literal

WRITTEN = re.compile(r"github:([A-Za-z0-9][A-Za-z0-9_-]*(?:\[bot\])?)|email:([^\s@]+@[^\s@]+)")


@dataclass(frozen=True, slots=True)
class Actor:
    """An account by its login or its numeric id, or an address by its hash.

    `said` is how messages name it: without what stands in the address.
    """

    kind: str
    value: str
    said: str


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

    Raise `ActorAmbiguous`.
    """
    person = Identity()
    rows = Rows(connection, tables)
    for actor in actors:
        _enter(rows, actor, person)
    rows.grow([person])
    secret = secrets.token_hex(16)
    known = known_by(
        {secret: person},
        without_id=() if person.ids else (secret,),
        bots=(secret,) if _is_listed_bot(connection, person) else (),
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


def _enter(rows: Rows, actor: Actor, person: Identity) -> None:
    """Add an actor to ``person``, a login with the id of its account."""
    if actor.kind == "email":
        person.emails.add(actor.value)
        return
    ids = {actor.value} if actor.kind == "id" else set()
    if actor.kind == "login":
        person.logins.add(actor.value)
        ids = {each for _, each in rows.beside(("login", "id"), {actor.value})}
        if len(ids) > 1:
            raise ActorAmbiguous(actor.said, tuple(sorted(ids)))
    person.ids |= ids


def _is_listed_bot(connection: duckdb.DuckDBPyConnection, person: Identity) -> bool:
    """Say whether a login counts as a bot by name; what says so itself needs no list."""
    listed = ", ".join(literal(each) for each in person.logins)
    try:
        query = f"SELECT 1 FROM seeds.bots WHERE lower(account) IN ({listed or 'NULL'}) LIMIT 1"
        return connection.execute(query).fetchone() is not None
    except duckdb.CatalogException:
        # Nothing was built yet.
        return False
