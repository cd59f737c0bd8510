"""One rule, one place: how an entity is identified.

`oso_processors.ids` is the same in Python, and holds what both must know.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import Any

import sqlglot
from sqlglot import exp
from sqlmesh import macro

from macros.engines import dialect_of


@macro()
def entity_id(
    evaluator: Any, source: exp.Expression, namespace: exp.Expression, name: exp.Expression
) -> exp.Expression:
    """Return the id of the entity ``(source, namespace, name)``.

    Lower-case hex SHA-256 of the three parts, joined by the control character U+001F, which no
    part can hold, and lower-cased unless the source tells capitals apart.
    """
    from oso_processors.ids import CASE_SENSITIVE

    source_sql, namespace_sql, name_sql = (
        part.sql(dialect="bigquery") for part in (source, namespace, name)
    )
    address = f"CONCAT({namespace_sql}, CHR(31), {name_sql})"
    if isinstance(source, exp.Literal):
        address = address if source.name in CASE_SENSITIVE else in_lower_case(address)
    else:
        listed = ", ".join(f"'{each}'" for each in sorted(CASE_SENSITIVE))
        address = f"IF({source_sql} IN ({listed}), {address}, {in_lower_case(address)})"
    return sqlglot.parse_one(
        f"TO_HEX(SHA256(CONCAT({source_sql}, CHR(31), {address})))", dialect="bigquery"
    )


@macro()
def key(evaluator: Any, entity_id: exp.Expression) -> exp.Expression:
    """Return the whole number that stands for an id inside the warehouse: its first 60 bits.

    Joins and groups of whole numbers cost a quarter of those of ids. Published are ids alone.
    """
    # 60 bits of a SHA-256: among ten million ids, two are the same once in 23,000 warehouses.
    digits = f"SUBSTR({entity_id.sql(dialect='bigquery')}, 1, 15)"
    return sqlglot.parse_one(f"CAST(CONCAT('0x', {digits}) AS INT64)", dialect="bigquery")


@macro()
def fingerprint(evaluator: Any, columns: exp.Expression) -> exp.Expression:
    """Return a whole number of 64 bits that equal values share, and others by chance only.

    Each engine makes its own: it is for comparing rows within one query, and never for keeping.
    """
    if dialect_of(evaluator) == "bigquery":
        text = f"FARM_FINGERPRINT(TO_JSON_STRING(STRUCT({listed(columns)})))"
    else:
        text = f"HASH({listed(columns)})"
    return sqlglot.parse_one(text, dialect="bigquery")


def listed(columns: exp.Expression) -> str:
    """Return the SQL of ``(a, b)``, or of one alone, with commas between."""
    parts = columns.expressions if isinstance(columns, exp.Tuple) else [columns.unnest()]
    return ", ".join(each.sql(dialect="bigquery") for each in parts)


@macro()
def email_id(evaluator: Any, email_sha256: exp.Expression) -> exp.Expression:
    """Return the id of whoever signs with an address, by a keyed hash of the address's own hash.

    Without the key, anybody who has an address could look up its owner.
    """
    key = exp.Literal.string(evaluator.var("actor_key")).sql(dialect="bigquery")
    keyed = f"TO_HEX(SHA256(CONCAT({key}, {email_sha256.sql(dialect='bigquery')})))"
    return entity_id(
        evaluator,
        exp.Literal.string("EMAIL"),
        exp.Literal.string(""),
        sqlglot.parse_one(keyed, dialect="bigquery"),
    )


@macro()
def lower_ascii(evaluator: Any, text: exp.Expression) -> exp.Expression:
    """Return ``text`` with A to Z in lower case, and all other letters as they are.

    LOWER means something else on each engine for `İ`, for a `Σ` that ends a word, and for the letters
    that came with a new edition of Unicode.
    """
    return sqlglot.parse_one(in_lower_case(text.sql(dialect="bigquery")), dialect="bigquery")


def in_lower_case(text: str) -> str:
    """Return the SQL of ``text`` with A to Z in lower case."""
    # TRANSLATE alone is forty times slower on DuckDB. Cast, since SQLGlot must know that it is text.
    characters, octets = (f"{each}(CAST({text} AS STRING))" for each in ("LENGTH", "BYTE_LENGTH"))
    letters = f"TRANSLATE({text}, '{ascii_uppercase}', '{ascii_lowercase}')"
    return f"IF({characters} = {octets}, LOWER({text}), {letters})"
