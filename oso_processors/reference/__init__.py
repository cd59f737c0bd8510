"""The reference pages that are made from the code, so that they cannot tell of another one.

`python -m oso_processors.reference` writes them; a test fails when one is stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from oso_processors.reference import commands, declared, faults, metrics, tables

FOLDER = Path("docs/reference")
METRICS = Path("docs/metrics")
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


def metric_pages() -> dict[str, str]:
    """Return the whole text of each metric's page, and of their index."""
    return {name: MARK + text for name, text in metrics.pages().items()}


def write() -> None:
    """Write every page, and remove those of metrics that are no more."""
    _write(FOLDER, {name: page(name) for name in PAGES})
    found = metric_pages()
    _write(METRICS, found)
    for path in METRICS.glob("*.md"):
        if path.name not in found:
            path.unlink()


def _write(folder: Path, pages: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text, "utf-8")
