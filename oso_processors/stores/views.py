"""The views in `public` that readers are granted: what they are now, and the SQL that switches them.

All of it is put together beforehand and sent as one text, so that the locks are held for one round trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier, Literal

from oso_processors.errors import StoreUnusable
from oso_processors.stores import Output
from oso_processors.stores.postgres_roles import READER

COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
GRANTS = """
SELECT pg_roles.rolname, privilege_type, is_grantable FROM pg_class,
  aclexplode(relacl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
WHERE pg_class.oid = to_regclass(%s) AND grantee <> relowner
"""
DEPENDENTS = """
SELECT DISTINCT pg_class.oid::regclass::text FROM pg_depend
JOIN pg_rewrite ON pg_rewrite.oid = objid JOIN pg_class ON pg_class.oid = ev_class
WHERE classid = 'pg_rewrite'::regclass AND refobjid = to_regclass(%s)
  AND pg_class.oid <> refobjid ORDER BY 1
"""


def columns(connection: Connection[Any], schema: str, name: str) -> list[tuple[str, str]]:
    """Return the names and types of a relation's columns; none when there is no such relation."""
    rows = connection.execute(COLUMNS, [f'{schema}."{name}"']).fetchall()
    return [(row[0], row[1]) for row in rows]


def refuse_what_is_not_ours(connection: Connection[Any], names: Iterable[str]) -> None:
    """Raise `StoreUnusable` when somebody else has one of ``names`` in `public`."""
    for name in names:
        row = connection.execute("SELECT to_regclass(%s)", [f'public."{name}"']).fetchone()
        if row and row[0]:
            reason = "is there already and was made by somebody else; rename it"
            raise StoreUnusable("postgres", f"public.{name}", reason)


def refuse_what_others_need(connection: Connection[Any], names: Iterable[str]) -> None:
    """Raise `StoreUnusable` when a view of somebody else would lose one of ``names``."""
    for name in names:
        rows = connection.execute(DEPENDENTS, [f'public."{name}"']).fetchall()
        if rows:
            users = ", ".join(row[0] for row in rows)
            reason = f"its columns change or it goes, and {users} needs it; drop that first"
            raise StoreUnusable("postgres", f"public.{name}", reason)


def can_replace(now: Sequence[tuple[str, str]], wanted: Sequence[tuple[str, str]]) -> bool:
    """Say whether a view's columns are a beginning of the new ones, as Postgres asks."""
    return list(now) == list(wanted[: len(now)])


def dropped(name: str) -> Composed:
    """Return the SQL that removes a view."""
    return SQL("DROP VIEW IF EXISTS {}").format(Identifier("public", name))


def shown(
    connection: Connection[Any], output: Output, rows: str, is_replaced: bool
) -> list[Composed]:
    """Return the SQL that lets the view of ``output`` show the ``rows`` of a query.

    What others were granted on it stays, also when it has to be made anew.
    """
    view = Identifier("public", output.name)
    made = SQL("CREATE OR REPLACE VIEW {} AS {}").format(view, SQL(rows))
    return [
        *([] if is_replaced else [dropped(output.name)]),
        made,
        SQL("GRANT SELECT ON {} TO {}").format(view, Identifier(READER)),
        *([] if is_replaced else _grants(connection, output.name, view)),
        *described("VIEW", view, output),
    ]


def described(kind: str, place: Identifier, output: Output) -> list[Composed]:
    """Return the SQL that puts the words of ``output`` on a table or view."""
    words = [
        SQL("COMMENT ON {} {} IS {}").format(
            SQL("TABLE") if kind == "TABLE" else SQL("VIEW"),
            place,
            Literal(output.table.description),
        )
    ]
    words += [
        SQL("COMMENT ON COLUMN {}.{} IS {}").format(
            place, Identifier(column.name), Literal(column.description)
        )
        for column in output.table.columns
    ]
    return words


def _grants(connection: Connection[Any], name: str, view: Identifier) -> list[Composed]:
    rows = connection.execute(GRANTS, [f'public."{name}"']).fetchall()
    return [
        SQL("GRANT {} ON {} TO {}{}").format(
            SQL(privilege),
            view,
            Identifier(role) if role else SQL("PUBLIC"),
            SQL(" WITH GRANT OPTION" if is_grantable else ""),
        )
        for role, privilege, is_grantable in rows
    ]
