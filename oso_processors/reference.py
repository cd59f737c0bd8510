"""The reference of what can be declared, made from the declarations' own schema.

`python -m oso_processors.reference` writes it; a test fails when it is stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from oso_processors.declarations import Processor, Sources

FOLDER = Path("docs/reference")
KINDS = {"string": "text", "array": "list", "object": "mapping"}


def pages() -> dict[str, str]:
    """Return each page by its file's name."""
    return {
        "processors.md": _page(
            "Processors",
            "A file in `processors/` promises to publish the output of a model."
            "\nGrain, types and descriptions are read from the model and not repeated."
            "\nA key that is not listed here, or is given twice, is an error.",
            Processor,
        ),
        "sources.md": _page(
            "Sources",
            "`sources.yaml` lists the connectors that run."
            "\nIn any text of `command` and `config`, `${NAME}` is replaced by the environment's value"
            " and is an error where there is none; `${NAME:-default}` then gives the default.",
            Sources,
        ),
    }


def main() -> None:
    """Write the pages below the working directory."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


def _page(title: str, words: str, kind: type[BaseModel]) -> str:
    rows = [f"| {' | '.join(row)} |\n" for row in _rows(kind)]
    head = "| Key | Holds | Needed | Meaning |\n|---|---|---|---|\n"
    generated = "<!-- Written by `python -m oso_processors.reference`. -->\n"
    return f"{generated}# {title}\n\n{words}\n\n{head}{''.join(rows)}"


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


if __name__ == "__main__":
    main()
