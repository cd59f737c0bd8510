"""From a sound line to a row in one go: only what the schema asks for is parsed.

An event is wide and few of its columns land, so that most of what a general parser builds is thrown
away. What does not fit at the first look is left to `careful`, which finds out why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypedDict

import msgspec

from oso_processors.collectors.misfits import misfits
from oso_processors.collectors.schema import kind, path_of, plant, sha256, sql_type

TYPES: Mapping[str, Any] = {
    "BIGINT": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "DOUBLE": float,
    "BOOLEAN": bool,
    "TIMESTAMPTZ": str,
    "DATE": str,
}
TIMES = ("TIMESTAMPTZ", "DATE")


def quick_reader(json_schema: Mapping[str, Any]) -> Callable[[bytes], dict[str, Any] | None]:
    """Return the function that reads a raw line as a row; it gives None when it is in doubt."""
    decode = msgspec.json.Decoder(_object(json_schema)).decode
    row_of = _picker(json_schema)
    # The parser has proven all other types.
    times = {name: each for name, each in json_schema["properties"].items() if _has_time(each)}
    misfit = misfits({"properties": times})

    def read(line: bytes) -> dict[str, Any] | None:
        try:
            if not line.isascii():
                line.decode()  # the parser does not look at the letters of what it skips
            row = row_of(decode(line))
        except (ValueError, RecursionError):
            return None
        return None if misfit(row) else row

    return read


def _picker(json_schema: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return the function from a value of the type `_object` to a row; what is null is left out."""
    tree: dict[str, Any] = {}
    for name, prop in json_schema["properties"].items():
        plant(tree, path_of(name, prop), (name, _change(prop), None))
    tree = _with_branches(tree)

    def row_of(value: Mapping[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        _pick(tree, value, row)
        return row

    return row_of


def _with_branches(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {
        part: (None, None, _with_branches(node)) if isinstance(node, dict) else node
        for part, node in tree.items()
    }


def _pick(tree: Mapping[str, Any], value: Mapping[str, Any], row: dict[str, Any]) -> None:
    """Put all of ``value`` into ``row``; the parser has left nothing else in it."""
    for part, found in value.items():
        if found is not None:
            name, change, branch = tree[part]
            if branch is not None:
                _pick(branch, found, row)
            else:
                row[name] = found if change is None else change(found)


def _change(prop: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    """Return what becomes of a value before it lands, or None where it lands as it is."""
    if prop.get("x-sha256"):
        return sha256
    if kind(prop) == "array" and "properties" in prop["items"]:
        row_of = _picker(prop["items"])
        return lambda values: [each if each is None else row_of(each) for each in values]
    return None


def _object(json_schema: Mapping[str, Any]) -> Any:
    """Return the type of a raw value of which only what ``json_schema`` names is parsed."""
    tree: dict[str, Any] = {}
    for name, prop in json_schema["properties"].items():
        plant(tree, path_of(name, prop), (_type(prop),))
    return _typed(tree)


def _typed(node: Any) -> Any:
    if isinstance(node, tuple):
        return node[0] | None
    fields = {part: _typed(each) for part, each in node.items()}
    return TypedDict("Object", fields, total=False) | None  # type: ignore[operator]


def _type(prop: Mapping[str, Any]) -> Any:
    sql = sql_type(prop)
    if sql.endswith("[]"):
        items = prop["items"]
        inner = _object(items) if "properties" in items else _type(items) | None
        return list[inner]  # type: ignore[valid-type]
    return str if kind(prop) == "string" and sql not in TYPES else TYPES.get(sql, Any)


def _has_time(prop: Mapping[str, Any]) -> bool:
    items = prop.get("items", {})
    return sql_type(prop).removesuffix("[]") in TIMES or any(
        map(_has_time, items.get("properties", {}).values())
    )
