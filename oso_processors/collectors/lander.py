"""Land what any Airbyte source hands over in the warehouse, exactly once in effect.

Rows and the state that covers them are committed in one transaction. A run that is killed leaves the
last committed state, from which the next one goes on: nothing is lost and nothing doubled.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import orjson

from oso_processors.collectors.batch import Batch, Reference
from oso_processors.collectors.careful import Reject, Unreadable
from oso_processors.collectors.connector import Connector, error_of, parsed
from oso_processors.collectors.landing import Landing, constants, raise_if_full
from oso_processors.collectors.protocol import record_head
from oso_processors.collectors.raw_tables import (
    create_statements,
    create_table,
    table_columns,
    table_name,
)
from oso_processors.collectors.source import Stream
from oso_processors.errors import ConnectorFailed, NoSpaceLeft
from oso_processors.progress import Progress, Step

BATCH_BYTES = 256 * 1024 * 1024
# A timestamp may be ahead of our clock by this much before it is taken for wrong.
CLOCK_SKEW = "INTERVAL 1 DAY"


@dataclass(frozen=True, slots=True)
class Landed:
    """What one collection brought: rows by stream, and how many rows and files were set aside."""

    source: str
    rows: Mapping[str, int]
    rejected: int
    damaged: int
    warnings: tuple[str, ...]


def create_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make every raw table that is missing, empty."""
    for statement in create_statements():
        connection.execute(statement)


def collect(
    connection: duckdb.DuckDBPyConnection,
    connector: Connector,
    progress: Progress,
    only: Sequence[str] | None = None,
) -> Landed:
    """Run ``connector`` to its end and land what it hands over.

    Raise `ConnectorFailed` when it fails, after landing what came before with a state.
    """
    create_raw_tables(connection)
    streams = [_stream(each) for each in connector.discover() if not only or each["name"] in only]
    with tempfile.TemporaryDirectory(prefix="oso-landing-") as folder:
        lander = _Lander(connection, connector.source, streams, Path(folder))
        with progress.step(f"collecting {connector.source}") as step:
            return lander.run(connector, step)


@dataclass
class _Lander:
    connection: duckdb.DuckDBPyConnection
    source: str
    streams: Sequence[Stream]
    folder: Path
    rows: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    damaged: int = 0
    warnings: list[str] = field(default_factory=list)
    failure: tuple[str, bool] | None = None
    complete: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.by_name = {stream.name: stream for stream in self.streams}
        self.stored = self._stored_states()
        for stream in self.streams:
            self._prepare_table(stream)

    def run(self, connector: Connector, step: Step) -> Landed:
        self.batches = {name: Batch.open(self.folder, name) for name in self.by_name}
        self.step = step
        self.estimates: dict[str, int] = {}
        try:
            with connector.read(self._catalogue(), self._states()) as lines:
                self._hear(lines)
            if self.failure is None:
                self._finish()
        except ConnectorFailed as error:
            # A TRACE says more than an exit code does.
            self.failure = self.failure or (_reason(error), error.is_transient)
        except OSError as error:
            raise NoSpaceLeft(str(error.filename or self.folder)) from error
        finally:
            if self.failure is not None:
                self._land_settled()
            for batch in self.batches.values():
                batch.close()
        if self.failure is not None:
            raise ConnectorFailed(self.source, *self.failure)
        return Landed(
            self.source, dict(+self.rows), self.rejected, self.damaged, tuple(self.warnings)
        )

    def _hear(self, lines: Iterable[bytes]) -> None:
        heads = {record_head(name): self.batches[name] for name in self.by_name}
        head, batch = next(iter(heads.items()), (b"\0", None))
        for line in lines:
            # Our own records are passed on unparsed; what another connector writes is parsed.
            if not line.startswith(head):
                found = next((each for each in heads if line.startswith(each)), None)
                if found is None:
                    self._take(parsed(line))
                    continue
                head, batch = found, heads[found]
            end = line.rfind(b',"emitted_at":')
            if batch is None or b'"file_reference"' in line[end:] or not line.endswith(b"}}\n"):
                self._take(parsed(line))
            else:
                batch.add(line[len(head) : end])
                self._advance(batch.path.stem)

    def _take(self, message: Mapping[str, Any]) -> None:
        kind = message["type"]
        if kind == "RECORD":
            self._take_record(message["record"])
        elif kind == "STATE":
            self._take_state(message["state"])
        elif kind == "TRACE":
            self._take_trace(message)
        elif kind == "LOG" and message["log"].get("level") in ("WARN", "ERROR", "FATAL"):
            self.warnings.append(str(message["log"].get("message")))

    def _take_record(self, record: Mapping[str, Any]) -> None:
        batch = self.batches.get(record["stream"])
        if batch is None:
            return
        handed = record.get("file_reference")
        if handed is None:
            batch.add(orjson.dumps(record["data"]))
        else:
            size = int(handed.get("file_size_bytes") or 0)
            relative = str(handed.get("source_file_relative_path") or "")
            path = str(handed["staging_file_url"]).removeprefix("file://")
            batch.add_file(Reference(path, relative, size, record.get("data") or {}))
        self._advance(record["stream"])

    def _take_state(self, state: Mapping[str, Any]) -> None:
        if state.get("type") == "STREAM":
            told = state["stream"]
            name = told["stream_descriptor"]["name"]
            if name in self.batches:
                self.batches[name].settle(told.get("stream_state") or {})
        else:
            # One state for all streams, in either of its two forms, covers every stream.
            data = state.get("global") or state.get("data") or {}
            for batch in self.batches.values():
                batch.settle({"all": data})
        self._land_when_large()

    def _take_trace(self, message: Mapping[str, Any]) -> None:
        trace = message["trace"]
        if trace["type"] == "STREAM_STATUS":
            status = trace["stream_status"]
            name = status["stream_descriptor"]["name"]
            if status["status"] == "COMPLETE":
                self.complete.add(name)
            elif status["status"] == "INCOMPLETE" and self.failure is None:
                self.failure = (f"stream {name} is incomplete", True)
        elif trace["type"] == "ESTIMATE":
            told = trace["estimate"]
            self.estimates[told["name"]] = int(told.get("row_estimate") or 0)
        elif (failed := error_of(message)) is not None:
            self.failure = failed

    def _advance(self, stream: str) -> None:
        if not self.estimates:
            self.step.advance()
        elif stream in self.estimates:
            self.step.advance(total=sum(self.estimates.values()))

    def _land_when_large(self) -> None:
        appended = [each for name, each in self.batches.items() if not self._replaces(name)]
        if sum(batch.size for batch in appended) < BATCH_BYTES:
            return
        if all(batch.written == batch.settled_bytes for batch in appended):
            self._land([name for name in self.by_name if not self._replaces(name)])

    def _finish(self) -> None:
        """Land the rest of a connector that came to its end."""
        for batch in self.batches.values():
            batch.settle()
        self._land(list(self.by_name))

    def _land_settled(self) -> None:
        """Land, of a connector that failed, what its states cover; a stream to be replaced is whole or not at all."""
        whole = [name for name in self.by_name if not self._replaces(name) or name in self.complete]
        for name in whole:
            self.batches[name].drop_unsettled()
        self._land(whole)

    def _land(self, names: Sequence[str]) -> None:
        chosen = [name for name in names if self._has_news(name)]
        if not chosen:
            return
        try:
            self._commit(chosen, is_careful=False)
        except (duckdb.Error, Unreadable) as error:
            self.connection.execute("ROLLBACK")
            raise_if_full(error)
            self._commit(chosen, is_careful=True)
        for name in chosen:
            self.batches[name].clear()

    def _commit(self, names: Sequence[str], is_careful: bool) -> None:
        load_id = self._next_load()
        landings = {name: self._landing(name, load_id, is_careful) for name in names}
        if is_careful:
            for name, landing in landings.items():
                landing.careful(self.batches[name])
        self.connection.execute("BEGIN")
        for name, landing in landings.items():
            self._replace_old(name)
            if is_careful:
                self.connection.execute(f"INSERT INTO {self._table(name)} FROM {landing.target}")
            else:
                landing.fast(self.batches[name])
            landing.rejects += self._unsound(name, load_id)
        self._set_aside(landings.values(), load_id)
        counts = {name: self._count(name, load_id) for name in names}
        for name in names:
            self._record(name, load_id, counts[name])
        self.connection.execute("COMMIT")
        self.rows.update(counts)
        self.rejected += sum(len(each.rejects) for each in landings.values())
        self.damaged += sum(len(each.damaged) for each in landings.values())

    def _landing(self, name: str, load_id: int, is_careful: bool) -> Landing:
        target = self._table(name)
        if is_careful:
            staged = f'"staged {name}"'
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {staged} AS FROM {target} LIMIT 0"
            )
            target = staged
        return Landing(
            self.connection, self.by_name[name], target, constants(self.source, name, load_id)
        )

    def _replace_old(self, name: str) -> None:
        if not self._replaces(name):
            return
        if table_name(self.source, name) == name:
            sql = f"DELETE FROM {self._table(name)} WHERE source = ?"
            self.connection.execute(sql, [self.source])
        else:
            self.connection.execute(f"DELETE FROM {self._table(name)}")

    def _unsound(self, name: str, load_id: int) -> list[Reject]:
        """Take out rows without a key, or from the future, and return them as rejects."""
        stream = self.by_name[name]
        wrong = [f'"{key}" IS NULL' for key in stream.primary_key]
        if stream.cursor_field:
            wrong.append(f'"{stream.cursor_field}" > now() + {CLOCK_SKEW}')
        if not wrong or table_name(self.source, name) == name:
            return []
        table = self._table(name)
        found = self.connection.execute(
            f"DELETE FROM {table} WHERE _load_id = {load_id} AND ({' OR '.join(wrong)})"
            f" RETURNING left(to_json({table.split('.')[1]})::VARCHAR, 1000)"
        ).fetchall()
        return [
            Reject(self.source, name, "without a key, or from the future", row[0]) for row in found
        ]

    def _set_aside(self, landings: Iterable[Landing], load_id: int) -> None:
        for landing in landings:
            for reference, reason in landing.damaged:
                file = reference.relative_path or reference.path
                landing_reject = Reject(file, "the whole file", reason, "")
                self._insert_reject(landing_reject, load_id)
                self._insert_gap(landing.stream.name, reference, reason, load_id)
                self._forget_file(file, load_id)
            for reject in landing.rejects:
                self._insert_reject(reject, load_id)

    def _insert_reject(self, reject: Reject, load_id: int) -> None:
        self.connection.execute(
            "INSERT INTO raw.rejects VALUES (?, ?, ?, ?, ?, ?, now())",
            [self.source, reject.file, reject.place, reject.reason, reject.value, load_id],
        )

    def _insert_gap(self, stream: str, reference: Reference, reason: str, load_id: int) -> None:
        hour = reference.columns.get("hour")
        self.connection.execute(
            "INSERT INTO raw.gaps VALUES"
            " (?, ?, ?::TIMESTAMPTZ, ?::TIMESTAMPTZ + INTERVAL 1 HOUR, ?, ?, ?, now())",
            [self.source, stream, hour, hour, reason, reference.relative_path, load_id],
        )

    def _forget_file(self, file: str, load_id: int) -> None:
        """Take out rows that say that a file was collected which could not be read."""
        for name, stream in self.by_name.items():
            if "file" in stream.json_schema["properties"] and table_name(self.source, name) != name:
                sql = f"DELETE FROM {self._table(name)} WHERE _load_id = ? AND file = ?"
                self.connection.execute(sql, [load_id, file])

    def _record(self, name: str, load_id: int, count: int) -> None:
        state = self.batches[name].state
        if state is not None:
            self.connection.execute(
                "DELETE FROM raw._state WHERE source = ? AND stream = ?", [self.source, name]
            )
            self.connection.execute(
                "INSERT INTO raw._state VALUES (?, ?, ?, now())", [self.source, name, state]
            )
            self.stored[name] = state
        if count or self._replaces(name):
            self.connection.execute(
                "INSERT INTO raw._loads VALUES (?, ?, ?, ?, now())",
                [load_id, self.source, name, count],
            )

    def _has_news(self, name: str) -> bool:
        batch = self.batches[name]
        if batch.row_count or batch.references:
            return True
        if self._replaces(name):
            # Emitting nothing with the state that is stored means unchanged, not empty.
            return batch.state is not None and batch.state != self.stored.get(name)
        return batch.state is not None and batch.state != self.stored.get(name)

    def _replaces(self, name: str) -> bool:
        return self.by_name[name].sync == "overwrite"

    def _table(self, name: str) -> str:
        return f'raw."{table_name(self.source, name)}"'

    def _count(self, name: str, load_id: int) -> int:
        sql = f"SELECT COUNT(*) FROM {self._table(name)} WHERE _load_id = {load_id}"
        row = self.connection.execute(sql).fetchone()
        return int(row[0]) if row else 0

    def _next_load(self) -> int:
        row = self.connection.execute("SELECT COALESCE(MAX(load_id), 0) + 1 FROM raw._loads")
        found = row.fetchone()
        return int(found[0]) if found else 1

    def _prepare_table(self, stream: Stream) -> None:
        """Make the stream's table, and add the columns that are new since it was made."""
        self.connection.execute(create_table(self.source, stream.name, stream.json_schema))
        described = self.connection.execute(f"DESCRIBE {self._table(stream.name)}").fetchall()
        there = {row[0] for row in described}
        for name, sql_type in table_columns(stream.name, stream.json_schema).items():
            if name not in there:
                sql = f'ALTER TABLE {self._table(stream.name)} ADD COLUMN "{name}" {sql_type}'
                self.connection.execute(sql)

    def _stored_states(self) -> dict[str, str]:
        sql = "SELECT stream, state FROM raw._state WHERE source = ?"
        return dict(self.connection.execute(sql, [self.source]).fetchall())

    def _states(self) -> list[dict[str, Any]]:
        found = {name: orjson.loads(text) for name, text in self.stored.items()}
        shared = next((each["all"] for each in found.values() if "all" in each), None)
        if shared is not None:
            key = "global" if "stream_states" in shared else "data"
            return [{"type": "GLOBAL" if key == "global" else "LEGACY", key: shared}]
        return [
            {
                "type": "STREAM",
                "stream": {"stream_descriptor": {"name": name}, "stream_state": each},
            }
            for name, each in found.items()
        ]

    def _catalogue(self) -> dict[str, Any]:
        return {
            "streams": [
                {
                    "stream": stream.as_catalogue(),
                    "sync_mode": "full_refresh" if self._replaces(stream.name) else "incremental",
                    "destination_sync_mode": stream.sync,
                    "cursor_field": [stream.cursor_field] if stream.cursor_field else [],
                    "primary_key": [[key] for key in stream.primary_key],
                }
                for stream in self.streams
            ]
        }


def _stream(told: Mapping[str, Any]) -> Stream:
    """Read a stream out of a connector's catalogue."""
    keys = tuple(key[0] for key in told.get("source_defined_primary_key") or [] if len(key) == 1)
    cursor = (told.get("default_cursor_field") or [None])[0]
    is_incremental = "incremental" in told.get("supported_sync_modes", [])
    sync = "append" if is_incremental else "overwrite"
    return Stream(
        told["name"],
        {"properties": {}, **told["json_schema"]},
        primary_key=keys,
        cursor_field=cursor,
        is_file_based=bool(told.get("is_file_based")),
        sync="append" if sync == "append" else "overwrite",
    )


def _reason(error: ConnectorFailed) -> str:
    return str(error).removeprefix(f"{error.source}: ").split("; what came before", 1)[0]
