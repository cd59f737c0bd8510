"""The reference pages that are made from the code, so that they cannot tell of another one.

`python -m oso_processors.reference` writes them; a test fails when one is stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from oso_processors.reference import commands, declared, faults, tables

FOLDER = Path("docs/reference")
MARK = "<!-- Written by `python -m oso_processors.reference`. -->\n"
PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "errors.md": faults.page,
    "processors.md": declared.processors,
    "sources.md": declared.sources,
    "tables.md": tables.page,
}


def page(name: str) -> str:
    """Return the whole text of a page."""
    return MARK + PAGES[name]()


def write(folder: Path = FOLDER) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        (folder / name).write_text(page(name), "utf-8")
