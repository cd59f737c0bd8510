"""From a sound line to a row in one go: only what the schema asks for is parsed.

An event is wide and few of its columns land, so that most of what a general parser builds is thrown
away. What does not fit at the first look is left to `careful`, which finds out why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypedDict

import msgspec

from oso_processors.collectors.misfits import misfits
from oso_processors.collectors.schema import kind, path_of, plant, slimmer, sql_type

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
    slim = slimmer(json_schema)
    # The parser has proven all other types.
    times = {name: each for name, each in json_schema["properties"].items() if _has_time(each)}
    misfit = misfits({"properties": times})

    def read(line: bytes) -> dict[str, Any] | None:
        try:
            if not line.isascii():
                line.decode()  # the parser does not look at the letters of what it skips
            row = slim(decode(line))
        except (ValueError, RecursionError):
            return None
        return None if misfit(row) else row

    return read


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
