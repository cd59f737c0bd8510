"""Whether the promises to readers are kept: each stable output's contract, and what its model gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from datetime import date
from pathlib import Path

from oso_processors.check.findings import Finding
from oso_processors.declarations import Processor
from oso_processors.errors import DeclarationInvalid, UnknownColumn
from oso_processors.models import Models
from oso_processors.release import contract as promised
from oso_processors.release.contract import Change, Contract

STEP = "declarations"
GUIDE = "docs/how-to/change-a-published-table.md"
COMMAND = "`oso contract`"


def findings(
    project: Path,
    models: Models,
    processors: Mapping[str, Processor],
    declared: Set[str],
    today: date,
) -> list[Finding]:
    """Return which promises are broken, not written down, or over.

    ``processors`` are those whose declaration is sound, ``declared`` the names of all.
    """
    found: list[Finding] = []
    for processor in processors.values():
        found += _over(project, processor, models, today)
        found += _kept(project, processor, models, processors)
    for path in sorted((project / promised.FOLDER).glob("*.yaml")):
        if path.stem not in declared:
            place = path.relative_to(project)
            problem = f"{path.stem} is promised to its readers and no processor publishes it"
            advice = f"bring processors/{path.name} back and deprecate it, as {GUIDE} tells"
            found.append(Finding(STEP, place, problem, advice=advice))
    return found


def made(models: Models, processor: Processor) -> Contract:
    """Return what a processor promises, as the models are now; raise `UnknownColumn`."""
    model = models[processor.model]
    for each in processor.columns:
        if each not in model.columns:
            raise UnknownColumn(processor.name, model.name, each, tuple(model.columns))
    return promised.of_model(processor, model.columns, models.words(processor.model))


def advice(processor: Processor, change: Change) -> str:
    """Return what to do about a breaking change of an output that is not served as a view."""
    name = processor.name
    told = processor.deprecation
    if told:
        return f"{name} is deprecated: leave it as it is, or serve it by the model of {told.replacement}"
    newer = promised.next_version(name)
    way = f"make it {newer} and deprecate {name}, as {GUIDE} tells"
    if change.kind == "meaning":
        return f"{_if_same(processor, change)}; if not, {way}"
    return way


def refused(error: DeclarationInvalid) -> Finding:
    """Return a declaration that cannot be used as a finding."""
    place, _, problem = str(error).partition(": ")
    name, _, line = place.partition(":")
    return Finding(STEP, Path(name), problem, int(line) if line else None)


def line_of(text: str, word: str) -> int | None:
    """Return the last line that has ``word``: a processor often has its model's name above."""
    wanted = re.compile(rf"(?<![\w.]){re.escape(word)}(?![\w.])")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if wanted.search(line)]
    return lines[-1] if lines else None


def _over(project: Path, processor: Processor, models: Models, today: date) -> Iterator[Finding]:
    told = processor.deprecation
    if told is None or told.remove_after >= today:
        return
    place = Path("processors") / f"{processor.name}.yaml"
    goes = [str(place), f"{promised.FOLDER}/{processor.name}.yaml"]
    model = models.all.get(processor.model)
    if model is not None and model.name.endswith(f".{processor.name}"):
        goes.append(f"{model.path.relative_to(project)} unless other models read it")
    yield Finding(
        STEP,
        place,
        f"deprecation.remove_after: {told.remove_after} is past",
        line_of((project / place).read_text(), "remove_after"),
        advice=f"delete {', '.join(goes)}",
    )


def _kept(
    project: Path, processor: Processor, models: Models, processors: Mapping[str, Processor]
) -> Iterator[Finding]:
    place = Path(promised.FOLDER) / f"{processor.name}.yaml"
    path = project / place
    if processor.tier != "stable":
        if path.exists():
            problem = (
                f"{processor.name} is promised to its readers, and its tier is {processor.tier}"
            )
            way = f"write `tier: stable`, or make a new version, as {GUIDE} tells"
            yield Finding(STEP, place, problem, advice=way)
        return
    told = processor.deprecation
    if told and told.replacement not in processors:
        return  # what is wrong with the replacement is told already
    is_view = promised.is_view(processor, processors)
    if not path.exists():
        way = "bring it back from git: the view is made by it" if is_view else f"run {COMMAND}"
        yield Finding(STEP, place, f"{processor.name} is stable and has no contract", advice=way)
        return
    try:
        kept = promised.load(path)
    except DeclarationInvalid as error:
        yield refused(error)
        return
    if is_view:
        yield from _lost(place, path, kept, processor, processors, models)
    else:
        yield from _changed(place, path, kept, processor, models)


def _changed(
    place: Path, path: Path, kept: Contract, processor: Processor, models: Models
) -> Iterator[Finding]:
    now = made(models, processor)
    text = path.read_text("utf-8")
    changes = promised.compare(kept, now)
    breaking = [each for each in changes if each.is_breaking]
    for each in breaking:
        line = line_of(text, f"name: {each.column}") if each.column else None
        yield Finding(STEP, place, str(each), line, advice=advice(processor, each))
    if not breaking and text != promised.text(now):
        what = f": {'; '.join(map(str, changes))}" if changes else ""
        yield Finding(STEP, place, f"is not up to date{what}", advice=f"run {COMMAND}")


def _lost(
    place: Path,
    path: Path,
    kept: Contract,
    processor: Processor,
    processors: Mapping[str, Processor],
    models: Models,
) -> Iterator[Finding]:
    """Tell what the view over the replacement cannot give."""
    told = processor.deprecation
    if told is None:
        return
    if processor.columns != tuple(kept.named()):
        source = Path("processors") / path.name
        listed = ", ".join(kept.named())
        problem = "columns: these are not what its readers were promised"
        yield Finding(STEP, source, problem, advice=f"list {listed}")
    text = path.read_text("utf-8")
    for each in promised.lost(kept, made(models, processors[told.replacement]), told.renames):
        line = line_of(text, f"name: {each.column}") if each.column else None
        yield Finding(
            STEP, place, _not_undone(each, told.replacement), line, advice=_undoing(each, processor)
        )


def _not_undone(change: Change, replacement: str) -> str:
    if change.kind == "dropped":
        never = "a view would serve it as NULL, which it is promised never to be"
        return f"{change} in {replacement}, and {never}"
    return f"{change} in {replacement}, which a view over that cannot undo"


def _undoing(change: Change, processor: Processor) -> str:
    """Return what to do about a change that a view cannot undo."""
    own = f"keep a model of its own for {processor.name} and name that as its `model`"
    match change.kind:
        case "renamed":
            return f"add `{change.column}: {change.new}` to `renames`"
        case "dropped":
            return f"add its new name to `renames`, or {own}"
        case "meaning":
            return f"{_if_same(processor, change)}; if not, {own}"
        case _:
            return own


def _if_same(processor: Processor, change: Change) -> str:
    return f"if it means the same, run `oso contract --reworded {processor.name}.{change.column}`"
