"""One rule, one place: how an entity is identified."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlmesh import macro


@macro()
def entity_id(
    evaluator: Any, source: exp.Expression, namespace: exp.Expression, name: exp.Expression
) -> exp.Expression:
    """Return the id of the entity ``(source, namespace, name)``.

    Lower-case hex SHA-256 of the three parts, joined by the control character U+001F, which no
    part can hold, and lower-cased unless the source tells capitals apart.
    """
    # Only these tell capitals apart; `oso_processors.ids` holds the same list for Python.
    case_sensitive = ("ARWEAVE", "BITCOIN", "CARDANO", "GO", "NPM", "SOLANA", "STELLAR", "WWW")
    source_sql, namespace_sql, name_sql = (
        part.sql(dialect="bigquery") for part in (source, namespace, name)
    )
    address = f"CONCAT({namespace_sql}, CHR(31), {name_sql})"
    if isinstance(source, exp.Literal):
        address = address if source.name in case_sensitive else f"LOWER({address})"
    else:
        listed = ", ".join(f"'{each}'" for each in case_sensitive)
        address = f"IF({source_sql} IN ({listed}), {address}, LOWER({address}))"
    return sqlglot.parse_one(
        f"TO_HEX(SHA256(CONCAT({source_sql}, CHR(31), {address})))", dialect="bigquery"
    )
