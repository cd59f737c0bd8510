"""What is declared is there: every processor's model and columns, and every source's settings."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from oso_processors.check import contracts
from oso_processors.check.findings import Finding
from oso_processors.declarations import (
    Processor,
    load_processor,
    require_replacement,
)
from oso_processors.errors import DeclarationInvalid
from oso_processors.licences import conflict
from oso_processors.models import Models
from oso_processors.release.contract import is_view
from oso_processors.sources import licences as licences_of

STEP = contracts.STEP


def declarations(project: Path, models: Models, today: date | None = None) -> list[Finding]:
    """Return what is wrong in processors/*.yaml, contracts/*.yaml and sources.yaml."""
    found = []
    licences: dict[str, str] = {}
    try:
        licences = licences_of(project)
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
        wrong += _unlicensed(project, processor, models, licences)
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


def _unlicensed(
    project: Path, processor: Processor, models: Models, licences: Mapping[str, str]
) -> list[Finding]:
    reason = conflict(processor.licence, models.sources(processor.model), licences)
    if not reason:
        return []
    path = project / "processors" / f"{processor.name}.yaml"
    line = contracts.line_of(path.read_text(), "licence")
    advice = "publish it under a licence that they allow"
    return [Finding(STEP, path.relative_to(project), reason, line, advice=advice)]


def _close(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "name one that there is"
