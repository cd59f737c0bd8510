"""Reference of the published tables: what the processors promise, in the models' own words."""

from __future__ import annotations

import tempfile
from pathlib import Path

from oso_processors.declarations import Processor, load_processors
from oso_processors.models import Models
from oso_processors.release.contract import FOLDER, is_view, load, readers_type, words_of
from oso_processors.release.record import COLUMNS, DESCRIPTIONS, GRAINS
from oso_processors.settings import Settings
from oso_processors.tables import Column


def page() -> str:
    """Return the page on what the project in the working directory publishes."""
    with tempfile.TemporaryDirectory() as home:
        models = Models(Settings(project=Path.cwd(), home=Path(home)))
    processors = {each.name: each for each in load_processors(Path("processors"))}
    listed = [
        _deprecated(each) if is_view(each, processors) else _promised(models, each)
        for each in processors.values()
    ]
    own = [_section(name, DESCRIPTIONS[name], GRAINS[name], COLUMNS[name]) for name in DESCRIPTIONS]
    return (
        "# Published tables\n\nThe same in every store; `STRING` is `text` in Postgres, `INT64` `bigint`,"
        " `TIMESTAMP` `timestamp with time zone`, `NUMERIC` `numeric(38, 9)`.\n\n"
        + "\n".join(listed + own)
    )


def _deprecated(processor: Processor) -> str:
    """Return the section of an output that is a view over its replacement."""
    kept = load(Path(FOLDER) / f"{processor.name}.yaml")
    columns = [Column(each.name, each.type, each.description) for each in kept.columns]
    words = kept.description
    if processor.deprecation:
        words = f"{words_of(processor.deprecation)}\n\n{words}"
    return _section(processor.name, words, kept.grain, columns, processor.model)


def _promised(models: Models, processor: Processor) -> str:
    words, types = models.words(processor.model), models[processor.model].columns
    columns = [Column(each, types[each], words.columns.get(each, "")) for each in processor.columns]
    return _section(processor.name, words.description, words.grain, columns, processor.model)


def _section(
    name: str,
    description: str,
    grain: tuple[str, ...],
    columns: list[Column] | tuple[Column, ...],
    model: str = "",
) -> str:
    rows = "".join(
        f"| `{each.name}` | `{readers_type(each.type)}` | {each.description} |\n"
        for each in columns
    )
    made = f" Made by `{model}`." if model else ""
    keys = ", ".join(f"`{each}`" for each in grain)
    return (
        f"## {name}\n\n{description}\n\nA row is unique by {keys}.{made}\n\n"
        f"| Column | Type | Meaning |\n|---|---|---|\n{rows}"
    )
