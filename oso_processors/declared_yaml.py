"""Files in which people declare something: YAML that is refused at the first key that is unknown or twice."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from oso_processors.errors import DeclarationInvalid

TIMESTAMP, BOOLEAN = "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool"

Declaration = TypeVar("Declaration", bound=BaseModel)


def load_declared(kind: type[Declaration], path: Path) -> Declaration:
    """Read a file as ``kind``; raise `DeclarationInvalid`."""
    return _validated(kind, path, _contents(path))


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, and leaves dates, and words such as `on`, as they are."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (yaml's own interface)
        first: [each for each in resolvers if each[0] not in (TIMESTAMP, BOOLEAN)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} is given twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(BOOLEAN, re.compile("^(?:true|false)$", re.IGNORECASE), [*"tTfF"])


def _contents(path: Path) -> Any:
    try:
        return yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{place_of(path)}:{mark.line + 1}" if mark else place_of(path)
        raise DeclarationInvalid(place, None, str(error.problem)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DeclarationInvalid(place_of(path), None, str(error).splitlines()[0]) from None
    except OSError as error:
        raise DeclarationInvalid(place_of(path), None, str(error.strerror)) from None


def _validated(kind: type[Declaration], path: Path, body: Any) -> Declaration:
    if not isinstance(body, dict):
        raise DeclarationInvalid(place_of(path), None, "is empty or no mapping of keys")
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        # A mistyped key is also a missing one; the mistyping is what to mend.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        key, problem = _explained(kind, first)
        raise DeclarationInvalid(place_of(path), key, problem) from None


def _explained(kind: type[BaseModel], error: ErrorDetails) -> tuple[str, str]:
    """Return where the first problem is, and what it is."""
    key = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "extra_forbidden":
            known = _keys(kind, error["loc"][:-1])
            return key, f"unknown key{close(str(error['loc'][-1]), known)}"
        case "missing":
            return key, "is missing"
        case "too_short" | "string_too_short":
            return key, "is empty"
        case "value_error":
            return key, f"{error['input']!r} {error['msg'].removeprefix('Value error, ')}"
        case _:
            return key, f"{error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _keys(kind: type[BaseModel], place: tuple[int | str, ...]) -> tuple[str, ...]:
    """Return the keys that are known at ``place`` of a declaration."""
    schema: dict[str, Any] = kind.model_json_schema()
    definitions = schema.get("$defs", {})
    for part in place:
        named = schema.get("properties", {})
        # Names that people choose, such as a source's, stand under a pattern.
        inner: dict[str, Any] = named.get(part) or next(
            iter(schema.get("patternProperties", {}).values()), {}
        )
        choices = [inner, *inner.get("anyOf", [])]
        models = [each["$ref"].rpartition("/")[2] for each in choices if "$ref" in each]
        schema = definitions[models[0]] if models else inner
    return tuple(schema.get("properties", {}))


def close(word: str, known: tuple[str, ...]) -> str:
    """Return what a mistyped word may have been meant for."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if found:
        return f"; did you mean {found[0]!r}?"
    return f"; known are {', '.join(known)}" if known else ""


def place_of(path: Path) -> str:
    """Name a file as people do: `sources.yaml`, `processors/stars.yaml`."""
    return path.name if path.name == "sources.yaml" else f"{path.parent.name}/{path.name}"
