"""Reference of what can be declared, made from the declarations' own schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from oso_processors.declarations import Processor, Sources

KINDS = {"string": "text", "array": "list", "object": "mapping"}


def processors() -> str:
    """Return the page on `processors/*.yaml`."""
    return _page(
        "Processors",
        "A file in `processors/` promises to publish the output of a model."
        "\nGrain, types and descriptions are read from the model and not repeated."
        "\nA key that is not listed here, or is given twice, is an error.",
        Processor,
    )


def sources() -> str:
    """Return the page on `sources.yaml`."""
    return _page(
        "Sources",
        "`sources.yaml` lists the connectors that run."
        "\nIn any text of `command` and `config`, `${NAME}` is replaced by the environment's value"
        " and is an error where there is none; `${NAME:-default}` then gives the default.",
        Sources,
    )


def _page(title: str, words: str, kind: type[BaseModel]) -> str:
    rows = [f"| {' | '.join(row)} |\n" for row in _rows(kind)]
    head = "| Key | Holds | Needed | Meaning |\n|---|---|---|---|\n"
    return f"# {title}\n\n{words}\n\n{head}{''.join(rows)}"


def _rows(kind: type[BaseModel]) -> Iterator[tuple[str, str, str, str]]:
    schema = kind.model_json_schema()
    yield from _keys(schema, "", schema.get("$defs", {}))


def _keys(
    schema: Mapping[str, Any], prefix: str, definitions: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str]]:
    for name, field in schema.get("properties", {}).items():
        key = f"{prefix}{name}"
        needed = "yes" if name in schema.get("required", ()) else "no"
        yield f"`{key}`", _holds(field), needed, field.get("description", "")
        yield from _keys(_inner(field, definitions), f"{key}.", definitions)
        for each in field.get("patternProperties", {}).values():
            yield from _keys(_inner(each, definitions), f"{key}.<name>.", definitions)


def _inner(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema that ``field`` refers to; nothing when it is a plain value."""
    for choice in (field, *field.get("anyOf", ())):
        if "$ref" in choice:
            found: Mapping[str, Any] = definitions[choice["$ref"].rpartition("/")[2]]
            return found
    return {}


def _holds(field: Mapping[str, Any]) -> str:
    """Return what kind of value ``field`` takes."""
    if "enum" in field:
        return " or ".join(f"`{each}`" for each in field["enum"])
    if field.get("format") == "duration":
        return "duration"
    for choice in (field, *field.get("anyOf", ())):
        if "$ref" in choice:
            return "mapping"
        if choice.get("type") in KINDS:
            return _listed(choice) if choice["type"] == "array" else KINDS[choice["type"]]
    return "any"


def _listed(field: Mapping[str, Any]) -> str:
    inner = field.get("items", {})
    return f"list of {'lists' if inner.get('type') == 'array' else 'texts'}"
