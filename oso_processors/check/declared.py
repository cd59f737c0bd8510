"""What is declared is there: every processor's model and columns, and every source's settings."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oso_processors.check.findings import Finding
from oso_processors.declarations import Processor, load_processor, load_sources
from oso_processors.errors import DeclarationInvalid
from oso_processors.models import Models
from oso_processors.sources import DECLARED

STEP = "declarations"


class _EveryVariable(dict[str, str]):
    """An environment in which every variable is set: a check needs nobody's secrets."""

    def get(self, name: str, default: Any = None) -> Any:
        return "set"


def declarations(project: Path, models: Models) -> list[Finding]:
    """Return what is wrong in processors/*.yaml and sources.yaml."""
    found = []
    try:
        load_sources(project / DECLARED, _EveryVariable())
    except DeclarationInvalid as error:
        found.append(_refused(error))
    for path in sorted((project / "processors").glob("*.yaml")):
        try:
            processor = load_processor(path)
        except DeclarationInvalid as error:
            found.append(_refused(error))
        else:
            found += _unknown(path.relative_to(project), path.read_text(), processor, models)
    return found


def _refused(error: DeclarationInvalid) -> Finding:
    place, _, problem = str(error).partition(": ")
    name, _, line = place.partition(":")
    return Finding(STEP, Path(name), problem, int(line) if line else None)


def _unknown(path: Path, text: str, processor: Processor, models: Models) -> list[Finding]:
    model = models.all.get(processor.model)
    if model is None:
        problem = f"model: there is no model {processor.model!r}"
        advice = _close(processor.model, models.all)
        return [Finding(STEP, path, problem, _line(text, processor.model), advice=advice)]
    return [
        Finding(
            STEP,
            path,
            f"columns: {model.name} has no column {column!r}",
            _line(text, column),
            advice=_close(column, model.columns),
        )
        for column in processor.columns
        if column not in model.columns
    ]


def _close(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "name one that there is"


def _line(text: str, word: str) -> int | None:
    wanted = re.compile(rf"(?<![\w.]){re.escape(word)}(?![\w.])")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if wanted.search(line)]
    # The last: a processor often has its model's or its own name above.
    return lines[-1] if lines else None
