"""What a collector of ours is, and how it runs as an Airbyte source connector.

A source says what it needs (`spec`), what it has (`streams`) and yields messages (`read`); `run` does
all that the protocol asks for around it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import orjson

from oso_processors.collectors import protocol
from oso_processors.collectors.checked_config import check_config
from oso_processors.errors import ConfigFailure, TransientFailure

# A platform may ask for no buffer at all, and would get every row in a system call of its own.
OUTPUT_BYTES = 1 << 18
Sync = Literal["append", "append_dedup", "overwrite"]


@dataclass(frozen=True, slots=True)
class Stream:
    """One table's worth of records.

    `json_schema` may say of a property ``x-path``, where in a raw file its value stands, and
    ``x-sha256``, that only the hash of the trimmed, lower-cased text may land, and ``x-person``, whom
    it tells of. `sync` is how the stream should be landed.
    """

    name: str
    json_schema: Mapping[str, Any]
    primary_key: tuple[str, ...] = ()
    cursor_field: str | None = None
    is_file_based: bool = False
    sync: Sync = "append"

    def as_catalogue(self) -> dict[str, Any]:
        """Return the stream as DISCOVER says it."""
        is_incremental = self.sync != "overwrite"
        return {
            "name": self.name,
            "json_schema": dict(self.json_schema),
            "supported_sync_modes": ["full_refresh", *(["incremental"] * is_incremental)],
            "source_defined_cursor": is_incremental,
            "default_cursor_field": [self.cursor_field] if self.cursor_field else [],
            "source_defined_primary_key": [[key] for key in self.primary_key],
            "is_file_based": self.is_file_based,
            "is_resumable": is_incremental,
        }


@dataclass(
    slots=True
)  # not frozen, which would make it thrice as slow to make, and there are so many
class Record:
    """One row."""

    stream: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    """A file whose rows belong to a stream; `columns` are constants for every row of it."""

    stream: str
    path: Path
    relative_path: str
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """How far a stream is; covers all of that stream that came before."""

    stream: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the operator."""

    level: Literal["DEBUG", "INFO", "WARN", "ERROR"]
    text: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many rows of a stream are to come."""

    stream: str
    rows: int


@dataclass(frozen=True, slots=True)
class Control:
    """The configuration as the source itself changed it, for the platform to keep."""

    config: Mapping[str, Any]


Message = Record | File | State | Log | Estimate | Control

TEXT: Mapping[str, Any] = {"type": ["null", "string"]}
INTEGER: Mapping[str, Any] = {"type": ["null", "integer"]}
DATE: Mapping[str, Any] = {"type": ["null", "string"], "format": "date"}
BOOLEAN: Mapping[str, Any] = {"type": ["null", "boolean"]}
TIMESTAMP: Mapping[str, Any] = {
    "type": ["null", "string"],
    "format": "date-time",
    "airbyte_type": "timestamp_with_timezone",
}


def schema(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a row with these properties."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {name: dict(each) for name, each in properties.items()},
    }


def of_person(prop: Mapping[str, Any], whom: str) -> dict[str, Any]:
    """Return ``prop`` marked as telling of a person; ``whom`` is as `persons` says."""
    return {**prop, "x-person": whom}


REJECTS = schema(file=TEXT, place=TEXT, reason=TEXT, value=of_person(TEXT, "value.text"))
GAPS = schema(stream=TEXT, started_at=TIMESTAMP, ended_at=TIMESTAMP, reason=TEXT, detail=TEXT)


def reject(file: str, place: str, reason: str, value: Any) -> Record:
    """Return a row of the stream rejects."""
    text = value if isinstance(value, str) else repr(value)
    shown = text[:1000].replace("\0", "\ufffd")
    return Record("rejects", {"file": file, "place": place, "reason": reason, "value": shown})


def snapshot(
    streams: Collection[str],
    state: Mapping[str, Mapping[str, Any]],
    now: Mapping[str, Any],
    rows: Iterable[Message],
) -> Iterator[Message]:
    """Yield all of ``rows`` when a stream's state is other than ``now``, and that as the state of each."""
    if any(state.get(name) != now for name in streams):
        yield from rows
    for name in streams:
        yield State(name, now)


class Source(Protocol):
    """A collector; `name` names its tables, `spec` is the JSON Schema of its configuration."""

    name: str
    documentation_url: str
    spec: Mapping[str, Any]

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `ConfigFailure` or `TransientFailure` when the source cannot be read."""

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """Return what the source has."""

    def read(
        self,
        config: Mapping[str, Any],
        streams: Collection[str],
        state: Mapping[str, Mapping[str, Any]],
    ) -> Iterator[Message]:
        """Yield what is new since ``state``, of ``streams`` only."""


def run(source: Source, argv: Sequence[str] | None = None) -> int:
    """Run ``source`` as a connector: spec, check, discover or read. Return the exit code."""
    arguments = _parser(source).parse_args(argv)
    with open(sys.stdout.fileno(), "wb", OUTPUT_BYTES, closefd=False) as output:
        try:
            for line in _answer(source, arguments):
                output.write(line)
        except ConfigFailure as failure:
            output.write(protocol.error(str(failure), "config_error"))
        except TransientFailure as failure:
            output.write(protocol.error(str(failure), "transient_error"))
        except OSError as failure:
            output.write(protocol.error(_refused(failure), "system_error"))
        else:
            return 0
    return 1


def _parser(source: Source) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"source-{source.name.replace('_', '-')}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("spec", help="print what the configuration may hold")
    for name in ("check", "discover", "read"):
        command = commands.add_parser(name)
        command.add_argument("--config", required=True, type=Path)
        if name == "read":
            command.add_argument("--catalog", required=True, type=Path)
            command.add_argument("--state", type=Path)
    return parser


def _answer(source: Source, arguments: argparse.Namespace) -> Iterator[bytes]:
    if arguments.command == "spec":
        yield protocol.message("SPEC", _spec(source))
        return
    config = _load(arguments.config)
    if arguments.command == "check":
        yield _checked(source, config)
        return
    check_config(source.spec, config)
    if arguments.command == "discover":
        streams = [stream.as_catalogue() for stream in source.streams(config)]
        yield protocol.message("CATALOG", {"streams": streams})
        return
    yield from _read(source, config, _load(arguments.catalog), _states(arguments.state))


def _spec(source: Source) -> dict[str, Any]:
    return {
        "documentationUrl": source.documentation_url,
        "connectionSpecification": source.spec,
        "supportsIncremental": True,
        "supported_destination_sync_modes": ["overwrite", "append", "append_dedup"],
    }


def _checked(source: Source, config: Mapping[str, Any]) -> bytes:
    try:
        check_config(source.spec, config)
        source.check(config)
    except (ConfigFailure, TransientFailure, OSError) as failure:
        text = _refused(failure) if isinstance(failure, OSError) else str(failure)
        return protocol.message("CONNECTION_STATUS", {"status": "FAILED", "message": text})
    return protocol.message("CONNECTION_STATUS", {"status": "SUCCEEDED"})


def _read(
    source: Source,
    config: Mapping[str, Any],
    catalogue: Any,
    states: Mapping[str, Mapping[str, Any]],
) -> Iterator[bytes]:
    chosen = _chosen(source, config, catalogue)
    if "mode" in source.spec["properties"] and not _takes_files(catalogue):
        config = {**config, "mode": "records"}
    for name in chosen:
        yield protocol.stream_status(name, "STARTED")
    try:
        yield from _lines(source.read(config, chosen, states), chosen)
    except (ConfigFailure, TransientFailure, OSError):
        for name in chosen:
            yield protocol.stream_status(name, "INCOMPLETE")
        raise
    for name in chosen:
        yield protocol.stream_status(name, "COMPLETE")


def _chosen(source: Source, config: Mapping[str, Any], catalogue: Any) -> list[str]:
    """Return the streams that are asked for; raise `ConfigFailure` when they cannot be."""
    try:
        chosen: list[str] = [each["stream"]["name"] for each in catalogue["streams"]]
    except (KeyError, TypeError):
        reason = "is no configured catalogue; run discover and choose from that"
        raise ConfigFailure(f"catalog: {reason}") from None
    known = [stream.name for stream in source.streams(config)]
    for name in chosen:
        if name not in known:
            known_names = ", ".join(known)
            raise ConfigFailure(f"catalog: {name!r}: is no stream; there are {known_names}")
    return chosen


def _takes_files(catalogue: Mapping[str, Any]) -> bool:
    """Tell whether the reader asks for files: one that does not would take each for a row."""
    return any(each.get("include_files") for each in catalogue["streams"])


def _lines(messages: Iterator[Message], chosen: Collection[str]) -> Iterator[bytes]:
    counts: Counter[str] = Counter()
    running: set[str] = set()
    heads = {name: protocol.record_head(name) for name in chosen}
    for each in messages:
        if isinstance(each, (Record, File)):
            name = each.stream
            if name in heads:
                if name not in running:
                    running.add(name)
                    yield protocol.stream_status(name, "RUNNING")
                counts[name] += 1
                if isinstance(each, Record):
                    yield heads[name] + orjson.dumps(each.data) + protocol.record_tail()
                else:
                    yield _handed_over(each)
        elif isinstance(each, State):
            yield protocol.state(each.stream, each.data, counts.pop(each.stream, 0))
        elif isinstance(each, Estimate):
            yield protocol.estimate(each.stream, each.rows)
        elif isinstance(each, Control):
            yield protocol.control(each.config)
        else:
            yield protocol.log(each.level, each.text)


def _handed_over(each: File) -> bytes:
    size = each.path.stat().st_size
    return protocol.file_record(each.stream, each.columns, str(each.path), each.relative_path, size)


def _states(path: Path | None) -> dict[str, Mapping[str, Any]]:
    if path is None:
        return {}
    try:
        streams = [each["stream"] for each in _load(path) or () if each["type"] == "STREAM"]
        return {
            each["stream_descriptor"]["name"]: each.get("stream_state") or {} for each in streams
        }
    except (AttributeError, KeyError, TypeError):
        reason = "is no list of the states that this connector gave"
        raise ConfigFailure(f"state: {reason}") from None


def _load(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ConfigFailure(f"{path}: cannot be read as JSON: {error}") from error
    except OSError as error:
        raise ConfigFailure(f"{path}: cannot be read as JSON: {error.strerror}") from error


def _refused(failure: OSError) -> str:
    """Return what the system refuses, and of which file if it says so."""
    return ": ".join(str(part) for part in (failure.filename, failure.strerror) if part)
