"""Who was forgotten, and the way by which a row that comes later does not bring anybody back.

Only keyed hashes of identifiers are kept. What lands is looked up by its hashes before it is committed,
and gets the very pseudonyms that earlier rows got.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from oso_processors.collectors.identities import KINDS, Identity, Rows
from oso_processors.collectors.persons import Mark, Marked
from oso_processors.collectors.pseudonyms import ADDRESS, Known, rewrite
from oso_processors.errors import OtherActorKey
from oso_processors.sql import literal

SEPARATOR = "\x1f"
NOBODY = Known()
# A login, as it may stand in a text.
WORD = "[a-z0-9][a-z0-9_-]*(\\[bot\\])?"
LISTED = """
SELECT lower(concat(artifact_namespace, '/', artifact_name)) AS name
FROM raw.oss_directory__project_artifacts WHERE artifact_source = 'GITHUB'
UNION SELECT lower(repository_name) FROM raw.open_dev_data__repositories
UNION SELECT lower(repo) FROM raw.git_history__commits
UNION SELECT lower(repo) FROM raw.dependency_graph__repository_packages
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Those who were forgotten, by hashes with ``key``."""

    connection: duckdb.DuckDBPyConnection
    key: str
    is_empty: bool

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, key: str) -> Forgotten:
        """Look whether anybody was forgotten; raise `OtherActorKey` when not with ``key``."""
        keys = connection.execute("SELECT DISTINCT key_hash FROM raw._forgotten").fetchall()
        if any(each != hashed(key, "key", "") for (each,) in keys):
            raise OtherActorKey()
        return cls(connection, key, not keys)

    def add(self, known: Known, kept: Known = NOBODY) -> None:
        """Keep the hashes of identifiers but those of ``kept``; call it in a transaction."""
        rows = [
            (secret, kind, hashed(self.key, kind, value), secret in known.bots)
            for kind, name in KINDS.items()
            for value, secret in getattr(known, name).items()
            if value not in getattr(kept, name)
        ]
        if not rows:
            return
        key_hash = literal(hashed(self.key, "key", ""))
        listed = ", ".join(
            f"({literal(secret)}, {literal(kind)}, {literal(value)}, {is_bot}, {key_hash}, now())"
            for secret, kind, value, is_bot in rows
        )
        self.connection.execute(f"INSERT INTO raw._forgotten VALUES {listed}")

    def since(self, kind: str, value: str) -> str | None:
        """Return the day on which an identifier was forgotten, or None."""
        row = self.connection.execute(
            "SELECT CAST(CAST(min(forgotten_at) AS DATE) AS VARCHAR) FROM raw._forgotten"
            f" WHERE hash = {literal(hashed(self.key, kind, value))}"
        ).fetchone()
        return row[0] if row else None

    def recognised(self, tables: Sequence[Marked], where: str) -> Known:
        """Return those of the forgotten who are in rows for which ``where`` holds.

        What such rows tell anew of them, such as another login, is remembered, too.
        """
        named = " UNION ".join(sql for each in tables for sql in _named(each, where))
        prefix = literal(f"{self.key}{SEPARATOR}")
        found = self.connection.execute(
            "SELECT named.kind, named.value, forgotten.secret, forgotten.is_bot,"
            " forgotten.secret NOT IN (SELECT secret FROM raw._forgotten WHERE kind = 'id')"
            f" FROM ({named}) AS named JOIN raw._forgotten AS forgotten ON forgotten.hash ="
            f" sha256(concat({prefix}, named.kind, chr(31), named.value))"
        ).fetchall()
        persons: dict[str, Identity] = defaultdict(Identity)
        for kind, value, secret, _, _ in found:
            getattr(persons[secret], KINDS[kind]).add(value)
        known = known_by(
            persons,
            without_id={secret for *_, secret, _, is_alone in found if is_alone},
            bots={secret for *_, secret, is_bot, _ in found if is_bot},
        )
        Rows(self.connection, tables, where).grow(persons.values())
        grown = known_by(persons, known.without_id, known.bots)
        self.add(grown, known)
        return with_repositories(self.connection, tables, grown, where)

    def replace(self, tables: Collection[Marked], load_id: int) -> None:
        """Put pseudonyms into what a load brought of the forgotten, in the load's transaction."""
        if self.is_empty or not tables:
            return
        where = f"_load_id = {load_id}"
        known = self.recognised(list(tables), where)
        if not known.is_empty:
            for each in tables:
                rewrite(self.connection, each, known, where)


def known_by(
    persons: Mapping[str, Identity], without_id: Iterable[str], bots: Iterable[str]
) -> Known:
    """Return what persons are known by, who come by their secrets."""
    ids, logins, emails = (
        {
            value: secret
            for secret, person in persons.items()
            for value in sorted(getattr(person, name))
        }
        for name in KINDS.values()
    )
    return Known(ids, logins, emails, {}, frozenset(without_id), frozenset(bots))


def hashed(key: str, kind: str, value: str) -> str:
    """Return the keyed hash of an identifier."""
    return hashlib.sha256(SEPARATOR.join((key, kind, value)).encode()).hexdigest()


def with_repositories(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[Marked],
    known: Known,
    where: str = "true",
) -> Known:
    """Add the repositories that are named for persons, but for those that a directory lists."""
    logins = ", ".join(literal(each) for each in known.logins)
    owned = [
        f'SELECT DISTINCT lower("{mark.column}") AS name FROM raw."{each.table}" WHERE ({where})'
        f" AND lower(split_part(\"{mark.column}\", '/', 1)) IN ({logins})"
        for each in tables
        for mark in each.flat()
        if mark.kind == "owner"
    ]
    if not logins or not owned:
        return known
    names = [row[0] for row in connection.execute(" UNION ".join(owned)).fetchall()]
    if not names:
        return known
    asked = ", ".join(literal(each) for each in names)
    listed = connection.execute(f"SELECT name FROM ({LISTED}) WHERE name IN ({asked})").fetchall()
    own = set(names) - {row[0] for row in listed}
    return replace(
        known, repositories={name: known.logins[name.partition("/")[0]] for name in sorted(own)}
    )


def _named(marked: Marked, where: str) -> Iterator[str]:
    """Give the queries of all that could name a person in a table: kind and value."""
    source = f'FROM raw."{marked.table}" WHERE ({where})'
    for mark in marked.marks:
        place, rows = f'"{mark.column}"', source
        if mark.field is not None:
            place = f'item."{mark.field}"'
            rows = f'FROM (SELECT unnest("{mark.column}") AS item {source})'
        for kind, value in _values(mark, place):
            yield f"SELECT '{kind}' AS kind, {value} AS value {rows}"


def _values(mark: Mark, place: str) -> list[tuple[str, str]]:
    """Return the expressions of the identifiers that a marked value can be or hold."""
    if mark.kind == "id":
        return [("id", f"CAST({place} AS VARCHAR)")]
    if mark.kind == "email":
        return [("email", place)]
    if mark.kind == "owner":
        return [("login", f"lower(split_part({place}, '/', 1))")]
    if mark.kind == "text":
        words = f"unnest(regexp_extract_all(lower({place}), '{WORD}'))"
        addresses = f"unnest(regexp_extract_all(lower({place}), '{ADDRESS}'))"
        hashes = f"unnest(regexp_extract_all({place}, '[0-9a-f]{{64}}'))"
        return [
            ("login", words),
            ("id", words),
            ("email", f"sha256({addresses})"),
            ("email", hashes),
        ]
    return [("login", f"lower({place})")]
