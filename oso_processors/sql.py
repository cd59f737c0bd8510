"""Values in the text of DuckDB's SQL.

Binding a parameter makes DuckDB's client load pandas, which takes longer than many a command does; so
what every command asks is asked with literals.
"""

from __future__ import annotations


def literal(value: object) -> str:
    """Return a number as it is, None as NULL, and all else as a text."""
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
