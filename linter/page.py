"""The list of replacements in the page that says how to write SQL for both engines.

`python -m linter.page` writes it; a test fails when it is stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from linter.idiom import Effect, Idiom
from linter.idioms import IDIOMS

PAGE = Path("docs/how-to/sql-on-both-engines.md")
BEGIN = "<!-- Written by `python -m linter.page` from here -->\n"
END = "<!-- to here -->\n"


def renewed(page: str) -> str:
    """Return ``page`` with the list as the code has it today."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{''.join(_sections())}\n{END}{after}"


def main() -> None:
    """Renew the page below the working directory."""
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")


def _sections() -> Iterator[str]:
    for effect in Effect:
        yield f"\n### What {effect.value}\n\n"
        yield "| Not | because | write | Rule |\n|---|---|---|---|\n"
        yield from (_row(each) for each in IDIOMS if each.effect is effect)


def _row(idiom: Idiom) -> str:
    cells = (idiom.what, idiom.reason, idiom.instead, f"`{idiom.name.lower()}`")
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |\n"


if __name__ == "__main__":
    main()
