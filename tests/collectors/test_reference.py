"""The reference of the collectors says what the collectors are.

`python tests/collectors/test_reference.py` writes its tables anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oso_processors.collectors.raw_tables import own_sources, table_name
from oso_processors.collectors.schema import columns

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "collectors.md"
SOURCES = {source.name: source for source in own_sources()}


def written(name):
    """What the reference has between the marks of a collector."""
    text = REFERENCE.read_text()
    return re.search(rf"<!-- {name} -->\n(.*?)<!-- end -->", text, re.DOTALL)[1]


def rendered(source):
    """The tables of a collector, as Markdown."""
    return f"{settings(source)}\n{streams(source)}"


def settings(source):
    lines = ["| key | kind | default | meaning |", "|---|---|---|---|"]
    for key, each in source.spec["properties"].items():
        kind = " or ".join(f"`{value}`" for value in each.get("enum", ())) or each["type"]
        default = f"`{each['default']}`" if "default" in each else ""
        lines.append(f"| `{key}` | {kind} | {default} | {each['description']} |")
        for inner, prop in each.get("items", {}).get("properties", {}).items():
            lines.append(f"| `{key}[].{inner}` | {prop['type']} | | {prop['description']} |")
    return "\n".join(lines) + "\n"


def streams(source):
    lines = ["| stream | lands in | mode | key | columns |", "|---|---|---|---|---|"]
    for each in source.streams({}):
        table = table_name(source.name, each.name)
        names = ", ".join(f"`{name}`" for name in columns(each.json_schema))
        key = ", ".join(f"`{name}`" for name in each.primary_key)
        lines.append(f"| `{each.name}` | `raw.{table}` | {each.sync} | {key} | {names} |")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", SOURCES)
def test_the_reference_has_every_setting_and_stream(name):
    assert written(name) == rendered(SOURCES[name])


def main():
    text = REFERENCE.read_text()
    for name, source in SOURCES.items():
        text = (
            text.replace(written(name), rendered(source))
            if written(name)
            else text.replace(f"<!-- {name} -->\n", f"<!-- {name} -->\n{rendered(source)}")
        )
    REFERENCE.write_text(text)


if __name__ == "__main__":
    main()
