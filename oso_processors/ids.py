"""How an entity is identified, in Python: the same id as the macro `entity_id` gives on every engine.

Only the letters A to Z lose their case. What the lower case of other letters is, engines and editions
of Unicode disagree about, and an id must not change with either.
"""

from __future__ import annotations

import hashlib

SEPARATOR = "\x1f"
CASE_SENSITIVE = frozenset(
    {"ARWEAVE", "BITCOIN", "CARDANO", "GO", "NPM", "SOLANA", "STELLAR", "WWW"}
)


def entity_id(source: str, namespace: str, name: str) -> str:
    """Return the id of an entity: lower-case hex SHA-256 of the three parts, joined by U+001F.

    Namespace and name are lower-cased unless the source tells capitals apart; no part may hold the
    separator.
    """
    address = SEPARATOR.join((namespace, name))
    if source not in CASE_SENSITIVE:
        address = lower_ascii(address)
    return hashlib.sha256(SEPARATOR.join((source, address)).encode()).hexdigest()


def lower_ascii(text: str) -> str:
    """Return ``text`` with A to Z in lower case, and all other letters as they are."""
    return text.encode().lower().decode()
