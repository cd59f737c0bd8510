"""The page of bad input names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "reference" / "bad-input.md"
ROW = re.compile(
    r"^\| (?P<input>[^|]+) \| (?P<what>[^|]+) \| (?P<where>[^|]+) \| (?P<tests>[^|]+) \|$"
)
INPUTS = [
    "a truncated gzip",
    "HTML instead of gzip",
    "a line of 50 MB",
    "broken UTF-8",
    "a NUL in a string",
    "duplicate events",
    "an hour twice",
    "an hour that is missing in its whole form",
    "a server that refuses",
    "future timestamps",
    "an unknown event type",
    "YAML with duplicate keys",
    "a tag bomb",
    "an empty folder",
    "no disk",
    "a locked warehouse",
    "a mistyped key in a processor",
    "a processor naming no model",
    "a model without grain",
    "an unmappable type",
    "a taken port",
    "no write permission",
]


def rows():
    """The rows of the page's table, by their input."""
    found = [ROW.match(line) for line in PAGE.read_text("utf-8").splitlines()]
    return {row["input"]: row for row in found if row and row["input"] != "Input"}


def names_in(path):
    """The names of the tests that a file holds."""
    text = path.read_text("utf-8")
    if path.suffix == ".yaml":
        return set(yaml.safe_load(text))
    return {
        each.name
        for each in ast.walk(ast.parse(text))
        if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")
    }


def test_the_page_tells_of_every_bad_input():
    assert list(rows()) == INPUTS


@pytest.mark.parametrize("what", INPUTS)
def test_every_test_that_the_page_names_is_there(what):
    named = re.findall(r"`([^`:]+)::(\w+)`", rows()[what]["tests"])

    assert named
    for path, name in named:
        assert name in names_in(PROJECT / path), f"{path}::{name}"
