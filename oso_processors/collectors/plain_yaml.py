"""Read YAML that strangers wrote: text stays text, and what could surprise is refused with its line.

Only mappings, sequences, text and null are known. So an address that looks like a number stays as it
was written, a key cannot silently win over an earlier one, and no tag or alias makes more of it.
"""

from __future__ import annotations

from typing import Any, NoReturn

import yaml

SIZE_LIMIT = 1024 * 1024
DEPTH_LIMIT = 20
NULL, TEXT, MAPPING, SEQUENCE = (
    f"tag:yaml.org,2002:{name}" for name in ("null", "str", "map", "seq")
)


class Refused(Exception):
    """A document cannot be used; `place` is the line."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class _Loader(yaml.CSafeLoader):
    """Takes every plain scalar for text, null aside."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag == NULL]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def load(text: bytes) -> Any:
    """Return the one document in ``text``; raise `Refused`."""
    if len(text) > SIZE_LIMIT:
        raise Refused("the whole file", f"larger than {SIZE_LIMIT // 2**20} MB")
    try:
        node = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}" if mark else "the whole file"
        raise Refused(place, f"not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise Refused("the whole file", f"not YAML: {str(error).splitlines()[0]}") from None
    return None if node is None else _value(node, set(), 0)


def _value(node: yaml.Node, seen: set[yaml.Node], depth: int) -> Any:
    if node in seen:
        _refuse(node, "an alias stands for what is here")
    seen.add(node)
    if depth > DEPTH_LIMIT:
        _refuse(node, "nested too deeply")
    if isinstance(node, yaml.ScalarNode) and node.tag in (TEXT, NULL):
        return None if node.tag == NULL else node.value
    if isinstance(node, yaml.SequenceNode) and node.tag == SEQUENCE:
        return [_value(each, seen, depth + 1) for each in node.value]
    if isinstance(node, yaml.MappingNode) and node.tag == MAPPING:
        return _mapping(node, seen, depth + 1)
    _refuse(node, f"the tag {node.tag!r} is not known")


def _mapping(node: yaml.MappingNode, seen: set[yaml.Node], depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _value(key_node, seen, depth)
        if not isinstance(key, str):
            _refuse(key_node, "a key that is no text")
        if key in found:
            _refuse(key_node, f"the key {key!r} stands twice")
        found[key] = _value(value_node, seen, depth)
    return found


def _refuse(node: yaml.Node, reason: str) -> NoReturn:
    raise Refused(f"line {node.start_mark.line + 1}", reason)
