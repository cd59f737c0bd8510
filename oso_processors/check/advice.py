"""What to do about what GoogleSQL says: the house list's replacement for an idiom, or plain advice."""

from __future__ import annotations

import re
from collections.abc import Mapping

# What DuckDB calls otherwise.
OTHER_NAMES = {
    "EPOCH": "UNIX_SECONDS",
    "LIST": "ARRAY_AGG",
    "MD5_NUMBER": "MD5",
    "STRFTIME": "FORMAT_DATE or FORMAT_TIMESTAMP, with the format first",
    "STRPTIME": "PARSE_DATE or PARSE_TIMESTAMP, with the format first",
    "TO_TIMESTAMP": "TIMESTAMP_SECONDS",
}
FUNCTION = re.compile(r"function(?: not found:)? ([\w.]+)", re.IGNORECASE)
PLAIN = (
    (r"^Unrecognized name: (\S+?)(?:;|$)", "name a column that one of the query's tables has"),
    (r"^Name (\S+) not found inside (\S+)", r"name a column that \2 has"),
    (r"^Table not found", "name a model as its header does, or add it to external_models.yaml"),
    (r"^Function not found: (\S+?)(?:;|$)", r"BigQuery has no \1; see its manual for what it has"),
    (r"ambiguous", "write the table before it, as in table.column"),
    (
        r"GROUP BY field references from SELECT list alias (\S+)",
        r"call the selected column otherwise than \1, or the table",
    ),
    (
        r"mismatched column count",
        "let every SELECT of it give the same columns, in the same order",
    ),
    (r"^Column \d+ in .* has incompatible types", "cast both sides to one type"),
    (
        r"^No matching signature for operator",
        "cast one side to the type of the other",
    ),
    (
        r"^No matching signature for (?:aggregate |analytic )?function (\S+)",
        r"give \1 its arguments in the order and of the types that its manual says",
    ),
    (r"neither grouped nor aggregated", "add it to GROUP BY, or aggregate it"),
    (r"^Syntax error", "write it as GoogleSQL's manual does"),
)


def advice(message: str, known: Mapping[str, str]) -> str:
    """Return what to do about Google's ``message``."""
    if "Did you mean" in message:
        return ""
    function = FUNCTION.search(message)
    if function:
        name = function[1].upper()
        replacement = OTHER_NAMES.get(name) or known.get(name)
        if replacement:
            return f"write {replacement}"
    for pattern, text in PLAIN:
        found = re.search(pattern, message)
        if found:
            return found.expand(text)
    return "see GoogleSQL's manual"


def one_line(message: str) -> str:
    """Return Google's message without the list of all signatures."""
    first, *rest = message.splitlines()
    arguments = next((line.strip() for line in rest if line.strip().startswith("Argument t")), "")
    return f"{first} ({arguments[0].lower()}{arguments[1:]})" if arguments else first
