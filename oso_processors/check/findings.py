"""What a check found wrong: a place that an author can open, what is wrong there, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# What the linter says of a column that it cannot resolve; GoogleSQL says it with the place.
UNRESOLVED = "ambiguousorinvalidcolumn"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend; `line` and `column` count from one, and are None where nobody knows them.

    `is_consequence` marks what can only be wrong because something else is: a query that does not
    run because it cannot be analysed.
    """

    step: str
    path: Path
    message: str
    line: int | None = None
    column: int | None = None
    advice: str = ""
    model: str = ""
    is_consequence: bool = False
    detail: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part)
        return f"{place}: {self.message}" + (f"; {self.advice}" if self.advice else "")


def distinct(findings: Iterable[Finding], analysis: str) -> list[Finding]:
    """Return the findings by file and line, less those that only repeat what ``analysis`` says."""
    listed = list(dict.fromkeys(findings))
    refused = {each.model for each in listed if each.step == analysis and each.model}
    kept = [each for each in listed if not (each.is_consequence and each.model in refused)]
    return sorted(kept, key=lambda each: (str(each.path), each.line or 0, each.column or 0))
