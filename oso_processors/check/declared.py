"""What is declared is there: every processor's model and columns, and every source's settings."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from oso_processors.check import contracts
from oso_processors.check.findings import Finding
from oso_processors.declarations import (
    Processor,
    load_processor,
    load_sources,
    require_replacement,
)
from oso_processors.errors import DeclarationInvalid
from oso_processors.models import Models
from oso_processors.release.contract import is_view
from oso_processors.sources import DECLARED

STEP = contracts.STEP


class _EveryVariable(dict[str, str]):
    """An environment in which every variable is set: a check needs nobody's secrets."""

    def get(self, name: str, default: Any = None) -> Any:
        return "set"


def declarations(project: Path, models: Models, today: date | None = None) -> list[Finding]:
    """Return what is wrong in processors/*.yaml, contracts/*.yaml and sources.yaml."""
    found = []
    try:
        load_sources(project / DECLARED, _EveryVariable())
    except DeclarationInvalid as error:
        found.append(contracts.refused(error))
    loaded: dict[str, Processor] = {}
    paths = sorted((project / "processors").glob("*.yaml"))
    for path in paths:
        try:
            loaded[path.stem] = load_processor(path)
        except DeclarationInvalid as error:
            found.append(contracts.refused(error))
    fit = {}
    for name, processor in loaded.items():
        wrong = _unfit(project, processor, loaded, models)
        found += wrong
        if not wrong:
            fit[name] = processor
    names = {path.stem for path in paths}
    day = today or datetime.now(UTC).date()
    return found + contracts.findings(project, models, fit, names, day)


def _unfit(
    project: Path, processor: Processor, loaded: Mapping[str, Processor], models: Models
) -> list[Finding]:
    path = project / "processors" / f"{processor.name}.yaml"
    try:
        require_replacement(path, processor, loaded)
    except DeclarationInvalid as error:
        return [contracts.refused(error)]
    if is_view(processor, loaded):
        return []
    return _unknown(path.relative_to(project), path.read_text(), processor, models)


def _unknown(path: Path, text: str, processor: Processor, models: Models) -> list[Finding]:
    model = models.all.get(processor.model)
    if model is None:
        problem = f"model: there is no model {processor.model!r}"
        advice = _close(processor.model, models.all)
        return [
            Finding(STEP, path, problem, contracts.line_of(text, processor.model), advice=advice)
        ]
    return [
        Finding(
            STEP,
            path,
            f"columns: {model.name} has no column {column!r}",
            contracts.line_of(text, column),
            advice=_close(column, model.columns),
        )
        for column in processor.columns
        if column not in model.columns
    ]


def _close(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "name one that there is"
