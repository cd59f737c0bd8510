"""Who owns and who reads what is published: a role of our own for each, whoever connects.

Tables and views belong to `oso_loader`, so that another user can make the next release; readers are
granted `oso_reader`. What the user who connects may not set up is said in the statements that somebody
who may has to run, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.errors import (
    DuplicateObject,
    DuplicateSchema,
    InsufficientPrivilege,
    UndefinedObject,
    UniqueViolation,
)
from psycopg.sql import SQL, Composed, Identifier, Literal

from oso_processors.errors import StoreUnusable

LOADER = "oso_loader"
READER = "oso_reader"
READER_LIMIT = "60s"
# Roles belong to the whole server, and another database's release may be quicker.
NOT_DONE = (
    InsufficientPrivilege,
    UndefinedObject,
    DuplicateObject,
    DuplicateSchema,
    UniqueViolation,
)
# A setting for this database comes before the one for all.
TIMEOUT = """
SELECT split_part(setting, '=', 2) FROM pg_roles JOIN pg_db_role_setting ON setrole = pg_roles.oid,
  unnest(setconfig) AS settings(setting)
WHERE rolname = {} AND setting LIKE 'statement_timeout=%'
  AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY setdatabase DESC LIMIT 1
"""
# Who owns the schema, who the table that says that it is ours, and whether there is anything in it.
FORMER = """
SELECT pg_get_userbyid(nspowner), (SELECT pg_get_userbyid(relowner) FROM pg_class
    WHERE relnamespace = pg_namespace.oid AND relname = '_releases'),
  EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_namespace.oid)
FROM pg_namespace WHERE nspname = 'store'
"""
# Its tables, and the views in front of them.
OF_FORMER = """
SELECT DISTINCT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, nspname::text, relname::text
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE pg_get_userbyid(relowner) = {former} AND (nspname = 'store' AND relkind = 'r'
  OR nspname = 'public' AND relkind = 'v' AND EXISTS (SELECT FROM pg_rewrite
    JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
    JOIN pg_class AS source ON source.oid = refobjid AND source.relkind = 'r'
    WHERE ev_class = pg_class.oid AND source.relnamespace = 'store'::regnamespace))
ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class _Step:
    """A statement that makes `is_done` true; without it a release is not possible, or only poorer."""

    is_done: Composed
    statement: Composed
    is_needed: bool = True


def set_up(connection: Connection[Any]) -> None:
    """Make the roles, the schema `store` and what they may do; raise `StoreUnusable` with what is lacking."""
    lacking = [each for each in list(_steps(connection)) if not _is_done(connection, each)]
    if any(each.is_needed for each in lacking):
        statements = "; ".join(each.statement.as_string(connection) for each in lacking)
        reason = f"{_user(connection)!r} may not set it up"
        raise StoreUnusable(
            "postgres", LOADER, reason, f"an administrator has to run: {statements}"
        )


def act_as_loader(connection: Connection[Any]) -> None:
    """Do all that follows as the role that owns what is published, where the user may."""
    if _holds(connection, _may_act(connection)):
        connection.execute(SQL("SET ROLE {}").format(Identifier(LOADER)))


def read_as_loader(connection: Connection[Any]) -> None:
    """Read with the rights of that role: a user who has them anyway also sees what was given away."""
    if not _holds(connection, _has_role("USAGE")):
        act_as_loader(connection)


def former(connection: Connection[Any]) -> str | None:
    """Return who owns what an earlier version made, as the user who connected to it; None when all is right.

    Raise `StoreUnusable` when the schema `store` was never ours.
    """
    row = connection.execute(FORMER).fetchone()
    if row is None or (row[1] or row[0]) == LOADER:
        return None
    owner, maker, is_in_use = row
    if maker is None and is_in_use:
        reason = f"is there already and belongs to {owner!r}; rename it"
        raise StoreUnusable("postgres", "store", reason)
    return str(maker or owner)


def takeover(connection: Connection[Any], owner: str) -> Composed:
    """Return the SQL that gives `oso_loader` what belongs to its former ``owner``, all of it at once:
    a view reads with the rights of its owner."""
    loader = Identifier(LOADER)
    found = connection.execute(SQL(OF_FORMER).format(former=Literal(owner))).fetchall()
    # Nobody may be given a table where they may not make one.
    statements = [SQL("GRANT USAGE, CREATE ON SCHEMA store TO {}").format(loader)]
    statements += [
        SQL("ALTER {} {} OWNER TO {}").format(SQL(kind), Identifier(schema, name), loader)
        for kind, schema, name in found
    ]
    statements.append(SQL("ALTER SCHEMA store OWNER TO {}").format(loader))
    # Views that the former owner has built on ours still read them.
    statements.append(SQL("SET LOCAL ROLE {}").format(loader))
    statements += [
        SQL("GRANT SELECT ON {} TO {}").format(Identifier(schema, name), Identifier(owner))
        for kind, schema, name in found
        if kind == "VIEW"
    ]
    return SQL(";\n").join(statements)


def timeout(connection: Connection[Any]) -> str | None:
    """Return how long a query of the readers' role may take; None where nobody says."""
    row = connection.execute(SQL(TIMEOUT).format(Literal(READER))).fetchone()
    return row[0] if row else None


def _steps(connection: Connection[Any]) -> Iterator[_Step]:
    loader, reader = Identifier(LOADER), Identifier(READER)
    yield _Step(_there(LOADER), SQL("CREATE ROLE {} NOLOGIN").format(loader))
    yield _Step(_there(READER), SQL("CREATE ROLE {} NOLOGIN").format(reader))
    yield _Step(
        SQL("SELECT ({}) = {}").format(SQL(TIMEOUT).format(Literal(READER)), Literal(READER_LIMIT)),
        SQL("ALTER ROLE {} SET statement_timeout = {}").format(reader, Literal(READER_LIMIT)),
        is_needed=False,
    )
    user = Identifier(_user(connection))
    yield _Step(_may_act(connection), SQL("GRANT {} TO {}").format(loader, user))
    yield _Step(
        SQL("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'store')").format(),
        SQL("CREATE SCHEMA store AUTHORIZATION {}").format(loader),
    )
    yield _Step(
        _may_in_public(LOADER, "CREATE", "USAGE"),
        SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(loader),
    )
    yield _Step(
        _may_in_public(READER, "USAGE"), SQL("GRANT USAGE ON SCHEMA public TO {}").format(reader)
    )


def _is_done(connection: Connection[Any], step: _Step) -> bool:
    if _holds(connection, step.is_done):
        return True
    # Whether it is done, by whomever, is all that counts.
    with suppress(*NOT_DONE):
        connection.execute(step.statement)
    return _holds(connection, step.is_done)


def _there(role: str) -> Composed:
    return SQL("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = {})").format(Literal(role))


def _may_act(connection: Connection[Any]) -> Composed:
    """Return the query of whether the user may act as `oso_loader`; no row where there is none."""
    # Since 16 a member may be kept from acting as the role.
    right: LiteralString = "SET" if connection.info.server_version >= 160_000 else "MEMBER"
    return _has_role(right)


def _has_role(right: LiteralString) -> Composed:
    return SQL("SELECT pg_has_role(session_user, oid, {}) FROM pg_roles WHERE rolname = {}").format(
        Literal(right), Literal(LOADER)
    )


def _may_in_public(role: str, *rights: str) -> Composed:
    """Return the query of whether a role has all of ``rights``; no row where there is none."""
    asked = [SQL("has_schema_privilege(oid, 'public', {})").format(Literal(e)) for e in rights]
    return SQL("SELECT {} FROM pg_roles WHERE rolname = {}").format(
        SQL(" AND ").join(asked), Literal(role)
    )


def _holds(connection: Connection[Any], query: Composed) -> bool:
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def _user(connection: Connection[Any]) -> str:
    return connection.info.user
