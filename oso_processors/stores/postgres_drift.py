"""Find what is there no more as it was published: in the tables, in the views, in what readers may do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL

from oso_processors import checksum
from oso_processors.stores import Output, drift, postgres_roles, postgres_tables
from oso_processors.stores.postgres_address import why
from oso_processors.stores.postgres_pieces import Pieces, rows
from oso_processors.stores.postgres_roles import LOADER, READER, READER_LIMIT

# What extensions bring is theirs.
RELATIONS = """
SELECT nspname, relname, relkind::text, obj_description(pg_class.oid, 'pg_class'),
  coalesce(has_table_privilege(pg_roles.oid, pg_class.oid, 'SELECT'), false),
  pg_get_userbyid(relowner)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
LEFT JOIN pg_roles ON rolname = %s
WHERE nspname IN ('public', 'store') AND relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
    AND objid = pg_class.oid AND deptype = 'e')
"""
COLUMNS = """
SELECT nspname, relname, attname, format_type(atttypid, atttypmod), attnotnull,
  col_description(attrelid, attnum)
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname IN ('public', 'store') AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
INDEXES = """
SELECT relname, indisunique, array(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS
    listed(number, place) JOIN pg_attribute ON attrelid = indrelid AND attnum = number ORDER BY place)
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = to_regnamespace('store') AND indisvalid AND indpred IS NULL AND indexprs IS NULL
"""
SCHEMAS = """
SELECT has_schema_privilege(oid, 'public', 'USAGE'), has_schema_privilege(oid, 'store', 'USAGE')
FROM pg_roles WHERE rolname = %s
"""


OWNER = """
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s),
  (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'store')
"""


@dataclass(slots=True)
class _Relation:
    """A table or view as it is now; `columns` hold type, whether it is NOT NULL, and description."""

    kind: str
    description: str | None
    is_readable: bool
    owner: str
    columns: dict[str, tuple[str, bool, str | None]] = field(default_factory=dict)
    indexes: list[tuple[bool, tuple[str, ...]]] = field(default_factory=list)

    @property
    def types(self) -> list[tuple[str, str]]:
        """The names and types of its columns."""
        return [(name, column[0]) for name, column in self.columns.items()]


Relations = Mapping[tuple[str, str], _Relation]


def found(
    connection: Connection[Any],
    outputs: Sequence[Output],
    pieces: Mapping[str, Pieces],
    is_served: bool,
) -> list[str]:
    """Return a line for each difference; ``pieces`` are those that hold the rows of ``outputs``.

    Views, and what readers may do, belong to the release that is served.
    """
    relations = _relations(connection)
    lines = []
    for output in outputs:
        own = pieces[output.name]
        told = [
            line for each in own for line in _of_table(output, relations.get(("store", each.table)))
        ]
        sources = [([("store", each.table) for each in own], f"({rows(own, output)})")]
        if is_served:
            # What readers see is what counts, also where a view is not as we made it.
            view = ("public", output.name)
            sources.insert(0, ([view], f'public."{output.name}"'))
            told += _of_view(output, relations.get(view))
        told += _of_rows(connection, output, sources, relations)
        lines += [f"{output.name}: {line}" for line in told]
    lines += _of_owner(connection)
    if is_served:
        lines += _of_readers(connection, outputs, relations)
    return [f"postgres: {line}" for line in lines]


def _of_table(output: Output, table: _Relation | None) -> Iterator[str]:
    if table is None:
        yield "its table is gone"
        return
    yield from (f"its table: {line}" for line in _of_shape(output, table))
    for name in output.table.grain:
        if name in table.columns and not table.columns[name][1]:
            yield f"its table: column {name} may be NULL"
    for number, columns in enumerate(postgres_tables.indexes(output)):
        if (number == 0, columns) not in table.indexes:
            kind = "unique index" if number == 0 else "index"
            yield f"its {kind} on ({', '.join(columns)}) is missing"


def _of_view(output: Output, view: _Relation | None) -> Iterator[str]:
    if view is None or view.kind != "v":
        yield "its view is gone"
        return
    yield from (f"its view: {line}" for line in _of_shape(output, view))
    if not view.is_readable:
        yield f"its view: {READER} may not read it"


def _of_shape(output: Output, relation: _Relation) -> Iterator[str]:
    if relation.owner != LOADER:
        yield f"its owner is {relation.owner} and not {LOADER}"
    yield from drift.of_columns(postgres_tables.columns(output), relation.types)
    words = {name: column[2] for name, column in relation.columns.items()}
    yield from drift.of_words(output, relation.description, words)


def _of_rows(
    connection: Connection[Any],
    output: Output,
    sources: Sequence[tuple[Sequence[tuple[str, str]], str]],
    relations: Relations,
) -> list[str]:
    """Compare the rows of the first of ``sources`` all of whose relations have the columns for it."""
    wanted = dict(postgres_tables.columns(output)).items()
    for places, source in sources:
        if all(
            each in relations and dict(relations[each].types).items() >= wanted for each in places
        ):
            query = checksum.postgres_sql(output.table, source)
            try:
                row = connection.execute(SQL(query)).fetchone()
            except InsufficientPrivilege as error:
                return [f"its rows cannot be read: {why(error)}"]
            return drift.of_rows(output, checksum.text(row))
    return []


def _of_readers(
    connection: Connection[Any], outputs: Sequence[Output], relations: Relations
) -> Iterator[str]:
    row = connection.execute(SCHEMAS, [READER]).fetchone()
    if row is None:
        yield f"{READER}: the role is gone"
        return
    if not row[0]:
        yield f"public: {READER} may not use the schema"
    limit = postgres_roles.timeout(connection)
    if limit != READER_LIMIT:
        yield f"{READER}: its statement_timeout is {limit or 'not set'} and not {READER_LIMIT}"
    if row[1]:
        yield f"store: {READER} may use the schema, which is none of its business"
    published = {each.name for each in outputs}
    for (schema, name), relation in sorted(relations.items()):
        if schema == "public" and name not in published and relation.is_readable:
            yield f"{name}: {READER} reads it, and it is no part of the release"


def _of_owner(connection: Connection[Any]) -> Iterator[str]:
    is_there, owner = connection.execute(OWNER, [LOADER]).fetchone() or (False, None)
    if not is_there:
        yield f"{LOADER}: the role is gone"
    if owner not in (LOADER, None):
        yield f"store: its owner is {owner} and not {LOADER}"


def _relations(connection: Connection[Any]) -> Relations:
    found = {
        (schema, name): _Relation(*facts)
        for schema, name, *facts in connection.execute(RELATIONS, [READER])
    }
    for schema, name, column, kind, is_not_null, words in connection.execute(COLUMNS):
        if (schema, name) in found:
            found[schema, name].columns[column] = (kind, is_not_null, words)
    for name, is_unique, columns in connection.execute(INDEXES):
        if ("store", name) in found:
            found["store", name].indexes.append((is_unique, tuple(columns)))
    return found
