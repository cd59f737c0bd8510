"""From a stream's JSON schema to the warehouse's types, and from raw values to a row.

The same schema serves both ways a row can come: `slim` picks it out of a parsed value, and `reading`
makes the SQL by which DuckDB picks it out of a file, so that both give the same rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

SCALARS = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
JSON = "JSON"
# What TRIM takes away: spaces of every width, and no tabs.
SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def kind(prop: Mapping[str, Any]) -> str:
    """Return a property's JSON type, null aside; `object` where it says nothing."""
    kinds = prop.get("type", "object")
    named = [each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null"]
    return str(named[0]) if len(named) == 1 else "object"


def sql_type(prop: Mapping[str, Any]) -> str:
    """Return the type of a property's column; what has no fixed shape is JSON text."""
    shape = kind(prop)
    if shape == "string":
        return {"date-time": "TIMESTAMPTZ", "date": "DATE"}.get(prop.get("format", ""), "VARCHAR")
    if shape == "array":
        items = prop.get("items", {})
        if "properties" in items:
            fields = (f'"{name}" {sql_type(each)}' for name, each in items["properties"].items())
            return f"STRUCT({', '.join(fields)})[]"
        return f"{sql_type(items)}[]" if kind(items) not in ("object", "array") else "VARCHAR"
    return SCALARS.get(shape, "VARCHAR")


def columns(json_schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns of a stream's table with their types, in order."""
    return {name: sql_type(each) for name, each in json_schema["properties"].items()}


def reading(json_schema: Mapping[str, Any], as_it_lies: bool) -> tuple[str, dict[str, str]]:
    """Return the ``columns`` argument of read_json, and an expression for each column.

    ``as_it_lies`` is for raw files, whose values stand at ``x-path``; without it, for records.
    """
    tree: dict[str, Any] = {}
    expressions = {}
    for name, prop in json_schema["properties"].items():
        path = path_of(name, prop) if as_it_lies else (name,)
        plant(tree, path, _read_type(prop, as_it_lies))
        expressions[name] = _expression(".".join(f'"{part}"' for part in path), prop, as_it_lies)
    listed = ", ".join(
        f"'{_escape(name)}': '{_escape(_type(each))}'" for name, each in tree.items()
    )
    return f"{{{listed}}}", expressions


def slimmer(json_schema: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return the function that picks a row out of a parsed raw value; what is null is left out."""
    tree: dict[str, Any] = {}
    for name, prop in json_schema["properties"].items():
        plant(tree, path_of(name, prop), (name, _taker(prop)))

    def slim(value: Mapping[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        _pick(tree, value, row)
        return row

    return slim


def _pick(tree: Mapping[str, Any], value: Mapping[str, Any], row: dict[str, Any]) -> None:
    """Put what stands in ``value`` where ``tree`` has a leaf into ``row``."""
    for part, node in tree.items():
        found = value.get(part)
        if found is None:
            continue
        if isinstance(node, dict):
            if isinstance(found, dict):
                _pick(node, found, row)
        else:
            name, take = node
            row[name] = found if take is None else take(found)


def sha256(text: str) -> str:
    """Return the hash by which an e-mail address is known, as the warehouse would make it."""
    trimmed = text.strip(SPACES)
    if trimmed.isascii():
        return hashlib.sha256(trimmed.lower().encode()).hexdigest()
    # The warehouse knows no letter whose lower case depends on its neighbours, or is two.
    lowered = "".join(letter.lower()[0] for letter in trimmed)
    return hashlib.sha256(lowered.encode()).hexdigest()


def path_of(name: str, prop: Mapping[str, Any]) -> tuple[str, ...]:
    """Return where in a raw value a property stands."""
    return tuple(prop.get("x-path", name).split("."))


def _taker(prop: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    if prop.get("x-sha256"):
        return lambda value: sha256(str(value))
    if kind(prop) == "array" and "properties" in prop.get("items", {}):
        slim = slimmer(prop["items"])
        return lambda values: (
            [slim(each) if isinstance(each, dict) else each for each in values]
            if isinstance(values, list)
            else values
        )
    return None


def _read_type(prop: Mapping[str, Any], as_it_lies: bool) -> Any:
    if kind(prop) == "array" and "properties" in prop.get("items", {}):
        tree: dict[str, Any] = {}
        for name, each in prop["items"]["properties"].items():
            path = path_of(name, each) if as_it_lies else (name,)
            plant(tree, path, _read_type(each, as_it_lies))
        return [tree]
    return JSON if sql_type(prop) == "VARCHAR" and kind(prop) != "string" else sql_type(prop)


def plant(tree: dict[str, Any], path: tuple[str, ...], leaf: Any) -> None:
    """Put ``leaf`` into ``tree`` at ``path``, with the branches that it needs."""
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    tree[path[-1]] = leaf


def _type(node: Any) -> str:
    if isinstance(node, list):
        return f"{_type(node[0])}[]"
    if isinstance(node, dict):
        return "STRUCT(" + ", ".join(f'"{name}" {_type(each)}' for name, each in node.items()) + ")"
    return str(node)


def _expression(place: str, prop: Mapping[str, Any], as_it_lies: bool) -> str:
    if as_it_lies and prop.get("x-sha256"):
        return f"sha256(lower(trim({place})))"
    if as_it_lies and kind(prop) == "array" and "properties" in prop.get("items", {}):
        fields = ", ".join(
            f"'{name}': " + _expression(_inner(name, each), each, as_it_lies)
            for name, each in prop["items"]["properties"].items()
        )
        return f"list_transform({place}, lambda item: {{{fields}}})"
    return f"CAST({place} AS VARCHAR)" if _read_type(prop, as_it_lies) == JSON else place


def _inner(name: str, prop: Mapping[str, Any]) -> str:
    return ".".join(["item", *(f'"{part}"' for part in path_of(name, prop))])


def _escape(text: str) -> str:
    return text.replace("'", "''")
