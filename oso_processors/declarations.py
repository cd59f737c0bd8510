"""What people declare: `processors/*.yaml` and `sources.yaml` as frozen objects.

A file is refused at the first key that is unknown or given twice: nothing that somebody
wrote is ignored in silence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from oso_processors.declared_yaml import close, load_declared, place_of
from oso_processors.errors import DeclarationInvalid

UNITS = {"m": "minutes", "h": "hours", "d": "days"}
VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Words = Annotated[str, Field(min_length=1)]


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[1-9][0-9]{0,4}[mhd]", value):
        raise ValueError("is no duration such as 36h, 90m or 7d")
    return timedelta(**{UNITS[value[-1]]: int(value[:-1])})


def _day(value: object) -> object:
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("is no day such as 2026-01-31")
    return date.fromisoformat(value)


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _alone(value: object) -> object:
    """Let a store be named with nothing after it: ``files:`` means ``files: {}``."""
    return {} if value is None else value


Columns = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_listed)]
Day = Annotated[date, BeforeValidator(_day)]


class Declared(BaseModel):
    """What a file holds: no key but those listed, and never changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PostgresOptions(Declared):
    """How an output is published to Postgres."""

    indexes: tuple[Annotated[tuple[str, ...], Field(min_length=1, strict=False)], ...] = Field(
        default=(), strict=False, description="Indexes besides that on the grain; lists of columns."
    )
    partition_by: str | None = Field(
        default=None,
        description="The date of the grain by which rows are replaced: a release then moves only the"
        " days that changed.",
    )


class BigQueryOptions(Declared):
    """How an output is published to BigQuery."""

    kind: Literal["table", "view"] | None = Field(
        default=None,
        description="What readers see: a table whose rows are copied at each release, or a view;"
        " by size when left out, and then as it is.",
    )
    partition_by: str | None = Field(
        default=None, description="The date or timestamp to partition by; makes it a view."
    )
    partition_unit: Literal["day", "month", "year"] = Field(
        default="month", description="How long a partition is; one load fills at most 4,000."
    )
    cluster_by: Annotated[tuple[str, ...], Field(max_length=4), BeforeValidator(_listed)] = Field(
        default=(), description="Up to four columns to sort by, those that readers filter by first."
    )


class FilesOptions(Declared):
    """How an output is published as files."""


class Publish(Declared):
    """The stores that an output is published in."""

    bigquery: Annotated[BigQueryOptions | None, BeforeValidator(_alone)] = Field(
        default=None, description="Publish in BigQuery, where OSO_BIGQUERY_DATASET names a dataset."
    )
    postgres: Annotated[PostgresOptions | None, BeforeValidator(_alone)] = Field(
        default=None, description="Publish as a view in Postgres."
    )
    files: Annotated[FilesOptions | None, BeforeValidator(_alone)] = Field(
        default=None, description="Publish as a Parquet file."
    )

    def options(self) -> dict[str, dict[str, Any]]:
        """Return the options of each store that was named, as plain values."""
        return self.model_dump(mode="json", exclude_none=True)


class Deprecation(Declared):
    """That a stable output goes, and what its readers do instead."""

    on: Day = Field(description="The day on which readers were told: 2026-01-31.")
    remove_after: Day = Field(description="The last day on which it is served.")
    replacement: Name = Field(description="The processor that takes its place, such as stars_v2.")
    reason: Words = Field(description="Why, in a sentence for its readers.")
    renames: dict[str, str] = Field(
        default_factory=dict,
        description="Its columns that have another name in the replacement: `old: new`.",
    )


class Processor(Declared):
    """The promise to publish the output of a model."""

    name: Name = Field(description="The public name; also the file's name.")
    model: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z0-9_]+$")] = Field(
        description="The model whose rows are published."
    )
    tier: Literal["preview", "stable"] = Field(
        description="`stable` is promised not to break; `preview` may change."
    )
    owner: Words = Field(description="Who answers for it.")
    licence: Words = Field(description="The licence of the published rows, by its SPDX name.")
    freshness: Annotated[timedelta, BeforeValidator(_duration)] = Field(
        description="How old the newest release may be, and its sources when it changes: 36h, 90m, 7d."
    )
    max_gap: Annotated[timedelta, BeforeValidator(_duration)] | None = Field(
        default=None,
        description="How long a gap of its sources, in the last thirty days, may be when it changes.",
    )
    columns: Columns = Field(description="The columns that are published; no other leaves.")
    publish: Publish = Field(description="Where: a key for each store.")
    deprecation: Deprecation | None = Field(
        default=None,
        description="That it goes. With the replacement's `model`, it is served as a view over that.",
    )


class Source(Declared):
    """A connector that runs: an executable that speaks the Airbyte protocol."""

    command: Annotated[tuple[Words, ...], Field(min_length=1), BeforeValidator(_listed)] = Field(
        description="The executable and its arguments."
    )
    config: dict[str, Any] = Field(
        default_factory=dict, description="Its settings; `${NAME:-default}` is read from outside."
    )
    streams: Annotated[tuple[Words, ...] | None, BeforeValidator(_listed)] = Field(
        default=None, description="The streams to read; all when left out."
    )
    licence: Words | None = Field(
        default=None,
        description="The licence of its data, by its SPDX name; none for facts without one.",
    )


class Sources(Declared):
    """The whole of `sources.yaml`."""

    sources: dict[Name, Source] = Field(description="The connectors, each under its name.")


def load_processors(folder: Path) -> tuple[Processor, ...]:
    """Read every declaration of ``folder``, by name; raise `DeclarationInvalid`."""
    paths = sorted(folder.glob("*.yaml"))
    processors = tuple(load_processor(path) for path in paths)
    by_name = {each.name: each for each in processors}
    for path, each in zip(paths, processors, strict=True):
        require_replacement(path, each, by_name)
    return processors


def load_processor(path: Path) -> Processor:
    """Read one declaration; raise `DeclarationInvalid`."""
    processor = load_declared(Processor, path)
    if processor.name != path.stem:
        raise DeclarationInvalid(
            place_of(path), "name", f"{processor.name!r} is not the file's name"
        )
    for key, columns in (("columns", processor.columns), *_named(processor)):
        twice = sorted({each for each in columns if columns.count(each) > 1})
        if twice:
            raise DeclarationInvalid(place_of(path), key, f"{twice[0]!r} is listed twice")
    for key, columns in _named(processor):
        for column in columns:
            if column not in processor.columns:
                problem = f"{column!r} is not one of `columns`{close(column, processor.columns)}"
                raise DeclarationInvalid(place_of(path), key, problem)
    _require_deprecation(path, processor)
    options = processor.publish.bigquery
    if options and options.partition_by and options.kind == "table":
        problem = "'table': its rows are copied whole at each release; leave `partition_by` out"
        raise DeclarationInvalid(place_of(path), "publish.bigquery.kind", problem)
    return processor


def require_replacement(
    path: Path, processor: Processor, processors: Mapping[str, Processor]
) -> None:
    """Raise `DeclarationInvalid` when what is to replace a deprecated output is not fit for it."""
    told = processor.deprecation
    if told is None:
        return
    key = "deprecation.replacement"
    if told.replacement not in processors:
        problem = (
            f"{told.replacement!r} is no processor{close(told.replacement, tuple(processors))}"
        )
        raise DeclarationInvalid(place_of(path), key, problem)
    newer = processors[told.replacement]
    if newer.deprecation:
        problem = f"{newer.name} is deprecated itself; name another"
        raise DeclarationInvalid(place_of(path), key, problem)
    for column, renamed in told.renames.items():
        if renamed not in newer.columns:
            problem = f"{newer.name} has no column {renamed!r}{close(renamed, newer.columns)}"
            raise DeclarationInvalid(place_of(path), f"deprecation.renames.{column}", problem)


def load_sources(path: Path, environ: Mapping[str, str] = os.environ) -> dict[str, Source]:
    """Read `sources.yaml` with the variables of ``environ``; raise `DeclarationInvalid`."""
    sources = load_declared(Sources, path).sources
    return {
        name: source.model_copy(
            update={
                "config": _filled(source.config, path, f"sources.{name}.config", environ),
                "command": _filled(source.command, path, f"sources.{name}.command", environ),
            }
        )
        for name, source in sources.items()
    }


def _require_deprecation(path: Path, processor: Processor) -> None:
    told = processor.deprecation
    if told is None:
        return
    if processor.tier != "stable":
        problem = (
            f"a {processor.tier} output may change at once; delete this, or write `tier: stable`"
        )
        raise DeclarationInvalid(place_of(path), "deprecation", problem)
    if told.remove_after <= told.on:
        problem = f"{told.remove_after} is not after `on`, {told.on}"
        raise DeclarationInvalid(place_of(path), "deprecation.remove_after", problem)
    for column in told.renames:
        if column not in processor.columns:
            problem = f"{column!r} is not one of `columns`{close(column, processor.columns)}"
            raise DeclarationInvalid(place_of(path), "deprecation.renames", problem)
    names = list(told.renames.values())
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise DeclarationInvalid(
            place_of(path), "deprecation.renames", f"{twice[0]!r} is named twice"
        )
    for column, renamed in told.renames.items():
        if renamed in processor.columns and renamed not in told.renames:
            problem = (
                f"both {column} and {renamed} would be {renamed!r} of {told.replacement};"
                f" map {renamed} too, or call the new column otherwise there"
            )
            raise DeclarationInvalid(place_of(path), "deprecation.renames", problem)


def _named(processor: Processor) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give the columns that each key of a store names."""
    postgres, bigquery = processor.publish.postgres, processor.publish.bigquery
    for number, columns in enumerate(postgres.indexes if postgres else ()):
        yield f"publish.postgres.indexes.{number}", columns
    if postgres:
        yield "publish.postgres.partition_by", tuple(filter(None, [postgres.partition_by]))
    if bigquery:
        yield "publish.bigquery.cluster_by", bigquery.cluster_by
        yield "publish.bigquery.partition_by", tuple(filter(None, [bigquery.partition_by]))


def _filled(value: Any, path: Path, key: str, environ: Mapping[str, str]) -> Any:
    """Put the variables of ``environ`` into every text below ``value``."""

    def variable(match: re.Match[str]) -> str:
        found = environ.get(match["name"]) or match["default"]
        if found is None:
            problem = f"{match['name']} is not set; set it, or write ${{{match['name']}:-default}}"
            raise DeclarationInvalid(place_of(path), key, problem)
        return found

    match value:
        case str():
            return VARIABLE.sub(variable, value)
        case list() | tuple():
            parts = enumerate(value)
            return type(value)(_filled(v, path, f"{key}.{n}", environ) for n, v in parts)
        case dict():
            return {k: _filled(v, path, f"{key}.{k}", environ) for k, v in value.items()}
        case _:
            return value
