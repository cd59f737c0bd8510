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
from oso_processors.collectors.careful import VALUE_LIMIT, Reject, Unreadable
from oso_processors.collectors.catalogue import as_messages, as_shared, configured, offered
from oso_processors.collectors.connector import Connector, error_of, parsed
from oso_processors.collectors.forgotten import Forgotten
from oso_processors.collectors.landing import Landing, constants, raise_if_full
from oso_processors.collectors.ledger import Ledger, transaction
from oso_processors.collectors.persons import Marked, marked
from oso_processors.collectors.protocol import record_head
from oso_processors.collectors.raw_tables import (
    create_statements,
    create_table,
    shared_streams,
    table_columns,
    table_name,
)
from oso_processors.collectors.schema import columns
from oso_processors.collectors.source import Stream
from oso_processors.errors import ConnectorFailed, LandingFailed
from oso_processors.progress import Progress, Step
from oso_processors.settings import ACTOR_KEY

# Showing progress costs more than a row does.
SHOWN_AT_ONCE = 1000
SHOWN_WARNINGS = 20
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
    actor_key: str = ACTOR_KEY,
) -> Landed:
    """Run ``connector`` to its end and land what it hands over, without those who were forgotten.

    Rows wait in the connector's folder until they are landed.

    Raise `ConnectorFailed` when it fails, after landing what came before with a state, and
    `OtherActorKey` before anything is collected.
    """
    create_raw_tables(connection)
    forgotten = Forgotten.of(connection, actor_key)
    streams = [offered(each) for each in connector.discover() if not only or each["name"] in only]
    with (
        tempfile.TemporaryDirectory(prefix="oso-landing-", dir=connector.folder) as folder,
        progress.step(f"collecting {connector.source}") as step,
    ):
        lander = _Lander(connection, connector, streams, Path(folder), step, forgotten)
        try:
            return lander.run()
        finally:
            for warning in lander.warnings[:SHOWN_WARNINGS]:
                progress.say(f"{connector.source}: {warning}")


@dataclass
class _Lander:
    connection: duckdb.DuckDBPyConnection
    connector: Connector
    streams: Sequence[Stream]
    folder: Path
    step: Step
    forgotten: Forgotten
    rows: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    damaged: int = 0
    warnings: list[str] = field(default_factory=list)
    failure: tuple[str, bool] | None = None
    complete: set[str] = field(default_factory=set)
    estimates: dict[str, int] = field(default_factory=dict)
    unshown: int = 0

    def __post_init__(self) -> None:
        self.source = self.connector.source
        self.by_name = {stream.name: stream for stream in self.streams}
        self.ledger = Ledger(self.connection, self.source)
        self.stored = self.ledger.states()
        for stream in self.streams:
            self._prepare_table(stream)
        # A stream's name may hold what a file's may not.
        self.batches = {
            name: Batch.open(self.folder / f"{number}.ndjson")
            for number, name in enumerate(self.by_name)
        }

    def run(self) -> Landed:
        try:
            self._read()
            if self.failure is not None:
                self._land_settled()
                raise ConnectorFailed(self.source, *self.failure)
            self._finish()
        except duckdb.Error as error:
            raise_if_full(error)
            raise LandingFailed(self.source, str(error).splitlines()[0]) from error
        except OSError as error:
            raise_if_full(error)
            raise LandingFailed(self.source, f"{error.filename}: {error.strerror}") from error
        finally:
            for batch in self.batches.values():
                batch.close()
        return Landed(
            self.source, dict(+self.rows), self.rejected, self.damaged, tuple(self.warnings)
        )

    def _read(self) -> None:
        try:
            with self.connector.read(configured(self.streams), as_messages(self.stored)) as lines:
                self._hear(lines)
        except ConnectorFailed as error:
            # A TRACE says more than an exit code does.
            self.failure = self.failure or (error.reason, error.is_transient)
        self.step.advance(self.unshown)

    def _hear(self, lines: Iterable[bytes]) -> None:
        heads = {record_head(name): name for name in self.by_name}
        head, name = next(iter(heads.items()), (b"\0", ""))
        for line in lines:
            # Our own records are passed on unparsed; what another connector writes is parsed.
            if not line.startswith(head):
                found = next((each for each in heads if line.startswith(each)), None)
                if found is None:
                    self._take(parsed(line))
                    continue
                head, name = found, heads[found]
            end = line.rfind(b',"emitted_at":')
            if end < 0 or b'"file_reference"' in line[end:] or not line.endswith(b"}}\n"):
                self._take(parsed(line))
            else:
                self.batches[name].add(line[len(head) : end])
                self._advance(name)

    def _take(self, message: Mapping[str, Any]) -> None:
        kind = message["type"]
        if kind == "RECORD":
            self._take_record(message["record"])
        elif kind == "STATE":
            self._take_state(message["state"])
        elif kind == "TRACE":
            self._take_trace(message)
        elif kind == "CONTROL":
            self._take_control(message["control"])
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
        if "stream" in state:
            name = state["stream"]["stream_descriptor"]["name"]
            if name in self.batches:
                self._compare(name, state)
                self.batches[name].settle(state["stream"].get("stream_state") or {})
        else:
            for batch in self.batches.values():
                batch.settle(as_shared(state))
        self._land_when_large()

    def _compare(self, name: str, state: Mapping[str, Any]) -> None:
        """Warn when fewer or more rows came than the source says it sent."""
        told = (state.get("sourceStats") or {}).get("recordCount")
        came = self.batches[name].unsettled
        if told is not None and int(told) != came:
            self.warnings.append(f"{name}: {came:,} records came, {int(told):,} were sent")

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

    def _take_control(self, control: Mapping[str, Any]) -> None:
        """Warn of settings to be kept; sources.yaml is a person's, and their values may be secret."""
        told = (control.get("connectorConfig") or {}).get("config") or {}
        old = self.connector.config
        keys = sorted(key for key in {*old, *told} if old.get(key) != told.get(key))
        if keys:
            changed = ", ".join(keys)
            self.warnings.append(f"the connector changed its settings: {changed}; see sources.yaml")

    def _advance(self, stream: str) -> None:
        if stream in self.estimates:
            self.step.advance(total=sum(self.estimates.values()))
        elif not self.estimates:
            self.unshown += 1
            if self.unshown == SHOWN_AT_ONCE:
                self.step.advance(self.unshown)
                self.unshown = 0

    def _land_when_large(self) -> None:
        appended = [name for name in self.by_name if not self._replaces(name)]
        batches = [self.batches[name] for name in appended]
        # Streams that tell of the same file are landed together.
        if any(each.is_large for each in batches) and not any(each.unsettled for each in batches):
            self._land(appended)

    def _finish(self) -> None:
        """Land the rest of a connector that came to its end."""
        for batch in self.batches.values():
            batch.settle()
        self._land(list(self.by_name))

    def _land_settled(self) -> None:
        """Land, of a connector that failed, what its states cover.

        A stream to be replaced is replaced as a whole or not at all.
        """
        whole = [name for name in self.by_name if not self._replaces(name) or name in self.complete]
        for name in whole:
            self.batches[name].drop_unsettled()
        self._land(whole)

    def _land(self, names: Sequence[str]) -> None:
        chosen = [name for name in names if self._has_news(name)]
        if not chosen:
            return
        load_id = self.ledger.next_load()
        try:
            landings = self._land_fast(chosen, load_id)
        except (duckdb.Error, Unreadable) as error:
            raise_if_full(error)
            landings = self._land_carefully(chosen, load_id)
        rejected = sum(len(each.rejects) for each in landings.values())
        damaged = sum(len(each.damaged) for each in landings.values())
        self.rejected += rejected
        self.damaged += damaged
        # What we wrote to the tables of the source's own streams is no row of the source.
        ours = {"rejects": rejected + damaged, "gaps": damaged}
        for name in landings:
            self.rows[name] += self.ledger.count(name, load_id) - ours.get(name, 0)
            batch = self.batches[name]
            if batch.state is not None:
                self.stored[name] = batch.state
            batch.clear()

    def _land_fast(self, names: Sequence[str], load_id: int) -> dict[str, Landing]:
        landings = {name: self._landing(name, self._table(name), load_id) for name in names}
        with transaction(self.connection):
            for name, landing in landings.items():
                self._replace_old(name)
                landing.fast(self.batches[name])
            self._write_down(landings, load_id)
        return landings

    def _land_carefully(self, names: Sequence[str], load_id: int) -> dict[str, Landing]:
        """Find out what is sound outside of the transaction, since each refusal would end it."""
        landings = {name: self._landing(name, f'temp."{name}"', load_id) for name in names}
        for name, landing in landings.items():
            sql = (
                f"CREATE OR REPLACE TEMP TABLE {landing.target} AS FROM {self._table(name)} LIMIT 0"
            )
            self.connection.execute(sql)
            landing.careful(self.batches[name])
        with transaction(self.connection):
            for name, landing in landings.items():
                self._replace_old(name)
                self.connection.execute(f"INSERT INTO {self._table(name)} FROM {landing.target}")
            self._write_down(landings, load_id)
        for landing in landings.values():
            self.connection.execute(f"DROP TABLE {landing.target}")
        return landings

    def _landing(self, name: str, target: str, load_id: int) -> Landing:
        common = constants(self.source, name, load_id)
        return Landing(self.connection, self.by_name[name], target, common, self.folder)

    def _replace_old(self, name: str) -> None:
        if self._replaces(name):
            own = f" WHERE source = '{self.source}'" if self._is_shared(name) else ""
            self.connection.execute(f"DELETE FROM {self._table(name)}{own}")

    def _write_down(self, landings: Mapping[str, Landing], load_id: int) -> None:
        file_tables = [
            self._table(name)
            for name, stream in self.by_name.items()
            if "file" in stream.json_schema["properties"] and not self._is_shared(name)
        ]
        for name, landing in landings.items():
            landing.rejects += self._unsound(name, load_id)
        for landing in landings.values():
            self.ledger.set_aside(landing, file_tables, load_id)
        self.forgotten.replace(self._marked(landings), load_id)
        for name in landings:
            count = self.ledger.count(name, load_id)
            state = self.batches[name].state
            if count or self._replaces(name):
                self.ledger.keep_load(load_id, name, count)
            if state is not None:
                self.ledger.keep_state(name, state)

    def _marked(self, names: Iterable[str]) -> list[Marked]:
        """Return what tells of persons of what was landed or set aside."""
        streams = {
            each.name: each for each in (*shared_streams(), *map(self.by_name.get, names)) if each
        }
        return [found for each in streams.values() if (found := marked(self.source, each))]

    def _unsound(self, name: str, load_id: int) -> list[Reject]:
        """Take out rows without a key, or from the future, and return them as rejects."""
        stream, table = self.by_name[name], table_name(self.source, name)
        types = columns(stream.json_schema)
        wrong = [f'"{key}" IS NULL' for key in stream.primary_key if key in types]
        if types.get(stream.cursor_field or "") == "TIMESTAMPTZ":
            wrong.append(f'"{stream.cursor_field}" > now() + {CLOCK_SKEW}')
        if not wrong or self._is_shared(name):
            return []
        found = self.connection.execute(
            f'DELETE FROM raw."{table}" WHERE _load_id = {load_id} AND ({" OR ".join(wrong)})'
            f' RETURNING left(to_json("{table}")::VARCHAR, {VALUE_LIMIT})'
        ).fetchall()
        reason = "without a key, or from the future"
        return [Reject(self.source, name, reason, row[0]) for row in found]

    def _has_news(self, name: str) -> bool:
        # Emitting nothing with the state that is stored means unchanged, not empty.
        batch = self.batches[name]
        is_moved = batch.state is not None and batch.state != self.stored.get(name)
        return bool(batch.row_count or batch.references) or is_moved

    def _is_shared(self, name: str) -> bool:
        return table_name(self.source, name) == name

    def _replaces(self, name: str) -> bool:
        return self.by_name[name].sync == "overwrite"

    def _table(self, name: str) -> str:
        return f'raw."{table_name(self.source, name)}"'

    def _prepare_table(self, stream: Stream) -> None:
        """Make the stream's table, and bring it up to what the source has become since."""
        table = self._table(stream.name)
        self.connection.execute(create_table(self.source, stream.name, stream.json_schema))
        described = self.connection.execute(f"DESCRIBE {table}").fetchall()
        there = {row[0].lower(): row[1] for row in described}
        for name, sql_type in table_columns(stream.name, stream.json_schema).items():
            if name.lower() not in there:
                self.connection.execute(f'ALTER TABLE {table} ADD COLUMN "{name}" {sql_type}')
            elif sql_type == "VARCHAR" != there[name.lower()]:
                # Everything can become text, nothing else is certain to fit.
                self.connection.execute(f'ALTER TABLE {table} ALTER COLUMN "{name}" TYPE VARCHAR')
