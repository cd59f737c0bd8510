"""Collect who called which contract: one row a chain, day, contract and caller, as counted elsewhere.

From Parquet, or from Google's public data sets by a query a day and chain, which a project of the
operator's pays for. A day is handed over whole, so that what was cut goes on with the next one.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oso_processors.collectors.onchain_query import DATASETS, Chain, connected
from oso_processors.collectors.oss_directory import OssDirectory
from oso_processors.collectors.parquet import parquet_table
from oso_processors.collectors.source import (
    DATE,
    INTEGER,
    REJECTS,
    TEXT,
    Estimate,
    Log,
    Message,
    Record,
    State,
    Stream,
    reject,
    run,
    schema,
)
from oso_processors.errors import ConfigFailure

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

CALLS = schema(
    chain=TEXT,
    day=DATE,
    contract=TEXT,
    caller=TEXT,
    invocation_count=INTEGER,
    transaction_count=INTEGER,
    gas_fees_wei=TEXT,
)
DAYS = schema(chain=TEXT, day=DATE, contract_count=INTEGER, transaction_count=INTEGER)
COUNTS = ("invocation_count", "transaction_count")
COLUMNS = ("contract", "caller", *COUNTS, "gas_fees_wei")
# What the directory calls an address that has code; the others are only ever paid.
CODE = frozenset({"BRIDGE", "CONTRACT", "FACTORY", "PROXY", "SAFE"})
CHAIN = re.compile(r"[A-Z][A-Z0-9_]*")
ADDRESS = re.compile(r"0x[0-9a-f]{40}")
# As many digits as the warehouse's decimals have before the point.
WEI = re.compile(r"[0-9]{1,29}")
MAX_BYTES = 20_000_000_000
# Yesterday may not be whole yet.
LATE = timedelta(days=2)
# A state of files names every file, so that one after each of them would be too much.
SETTLED_AT_ONCE = 50
States = Mapping[str, Mapping[str, Any]]


@dataclass
class Onchain:
    """The collector of calls of contracts."""

    connect: Callable[[Mapping[str, Any]], Client] = connected
    name: str = "onchain"
    documentation_url: str = "https://cloud.google.com/blockchain-analytics/docs"
    spec: Mapping[str, Any] = field(
        default_factory=lambda: {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "Calls of contracts",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "folder": {
                    "type": "string",
                    "description": "A folder with a Parquet file a chain and day, as "
                    "OPTIMISM/2025-10-19.parquet; with it, BigQuery is not asked.",
                },
                "project": {
                    "type": "string",
                    "description": "The project of BigQuery that pays for the queries; "
                    "without it, nothing is read.",
                },
                "keyfile": {
                    "type": "string",
                    "description": "The key of an account there; by default Google's own way to find one.",
                },
                "directory": {
                    "type": "string",
                    "description": "An oss-directory, as its collector's `path`: "
                    "the contracts that its projects list are counted.",
                },
                "start": {
                    "type": "string",
                    "pattern": r"^\d{4}-\d{2}-\d{2}$",
                    "description": "The first day; another one than before reads all days again.",
                },
                "datasets": {
                    "type": "object",
                    "default": DATASETS,
                    "description": "Which chains are read, and the data set of each.",
                },
                "max_bytes": {
                    "type": "integer",
                    "minimum": 1,
                    "default": MAX_BYTES,
                    "description": "How many bytes the query of a day may read, "
                    "beyond which BigQuery refuses it and bills nothing.",
                },
            },
        }
    )

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `ConfigFailure` when it is not said what to read."""
        if "folder" in config:
            _files(Path(config["folder"]))
        elif config.get("project") and not (config.get("directory") and config.get("start")):
            raise ConfigFailure(
                "config: give a directory and a start with the project, or a folder"
            )

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """Return calls, the days that were counted, and what was refused."""
        return (
            Stream("contract_calls", CALLS, ("chain", "day", "contract", "caller")),
            Stream("days", DAYS, ("chain", "day")),
            Stream("rejects", REJECTS),
        )

    def read(
        self, config: Mapping[str, Any], streams: Collection[str], state: States
    ) -> Iterator[Message]:
        """Yield the days that were not read yet, or the files that are new or changed."""
        self.check(config)
        if "folder" in config:
            yield from _from_files(_files(Path(config["folder"])), streams, state)
        elif config.get("project"):
            yield from self._asked(config, streams, state)
        else:
            yield Log("INFO", "config: project: names none, so that no chain is read")

    def _asked(
        self, config: Mapping[str, Any], streams: Collection[str], state: States
    ) -> Iterator[Message]:
        """Yield what BigQuery counts, chain by chain and day by day, each day with its state."""
        listed = contracts(config["directory"])
        done = {key: each for name in streams for key, each in state.get(name, {}).items()}
        datasets, client = config.get("datasets", DATASETS), None
        for name, dataset in sorted(datasets.items()):
            own = listed.get(name, set()) | listed.get("ANY_EVM", set())
            for day in _due(done.get(name, {}), config["start"]) if own else ():
                client = client or self.connect(config)
                chain = Chain(client, name, dataset, config.get("max_bytes", MAX_BYTES))
                found = list(chain.facts(day, own))
                total = next(row["transaction_count"] for row in found if not row["contract"])
                if not total:
                    yield Log("WARN", f"{name}: {day}: is not told yet; it is asked for again")
                    break
                rows = [row for row in found if row["contract"]]
                yield from _day(name, day.isoformat(), dataset, rows, len(own), total)
                done[name] = {"start": config["start"], "read": day.isoformat()}
                yield from (State(each, dict(done)) for each in streams)
        yield from (State(each, dict(done)) for each in streams)


def contracts(directory: str) -> dict[str, set[str]]:
    """Return the addresses with code that a directory lists, by chain."""
    found: dict[str, set[str]] = {}
    for each in OssDirectory().read({"path": directory}, ("project_artifacts",), {}):
        row = each.data if isinstance(each, Record) else {}
        if row.get("artifact_type") in CODE and ADDRESS.fullmatch(row["artifact_name"]):
            found.setdefault(row["artifact_source"], set()).add(row["artifact_name"])
    return found


def _due(done: Mapping[str, str], start: str) -> Iterator[date]:
    """Yield the days of a chain that were not read since ``start`` was said."""
    is_same = done.get("start") == start
    day = date.fromisoformat(start)
    if is_same:
        day = date.fromisoformat(done["read"]) + timedelta(days=1)
    last = datetime.now(UTC).date() - LATE
    while day <= last:
        yield day
        day += timedelta(days=1)


def _files(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*/*.parquet"))
    if not paths:
        raise ConfigFailure(f"config: folder: {str(folder)!r}: holds no Parquet of a chain and day")
    for path in paths:
        if not CHAIN.fullmatch(path.parent.name) or not _is_day(path.stem):
            raise ConfigFailure(f"{path}: is named for no chain and day")
    return paths


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _from_files(
    paths: Sequence[Path], streams: Collection[str], state: States
) -> Iterator[Message]:
    """Yield the files that the state does not know as they are."""
    done = {name: dict(state.get(name, {})) for name in streams}
    digests = {f"{path.parent.name}/{path.stem}": (path, _digest(path)) for path in paths}
    due = [
        (key, path, digest)
        for key, (path, digest) in digests.items()
        if any(known.get(key) != digest for known in done.values())
    ]
    yield Estimate("days", len(due))
    for number, (key, path, digest) in enumerate(due, 1):
        chain, day = key.split("/")
        yield from _day(chain, day, f"{key}.parquet", _read(path), None, None)
        for known in done.values():
            known[key] = digest
        if number % SETTLED_AT_ONCE == 0:
            yield from (State(name, dict(known)) for name, known in done.items())
    yield from (State(name, dict(known)) for name, known in done.items())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _read(path: Path) -> list[dict[str, Any]]:
    table = parquet_table(path)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise ConfigFailure(f"{path}: has no column {missing[0]!r}")
    found: list[dict[str, Any]] = table.select(COLUMNS).to_pylist()
    return found


def _day(
    chain: str,
    day: str,
    place: str,
    rows: Sequence[Mapping[str, Any]],
    contract_count: int | None,
    transaction_count: int | None,
) -> Iterator[Record]:
    """Yield a day: its rows, and that it was counted. Where nobody said of how many contracts, of all."""
    counts = {"contract_count": contract_count, "transaction_count": transaction_count}
    yield Record("days", {"chain": chain, "day": day, **counts})
    for number, row in enumerate(rows, 1):
        found = {**row, "gas_fees_wei": _digits(row["gas_fees_wei"])}
        if problem := _problem(found):
            yield reject(place, f"{day}, row {number}", problem, dict(row))
        else:
            yield Record("contract_calls", {"chain": chain, "day": day, **found})


def _digits(number: Any) -> str:
    """Return a whole number as its digits; BigQuery and Parquet may give it as a decimal."""
    is_whole = isinstance(number, Decimal) and number == number.to_integral_value()
    return str(int(number)) if is_whole else str(number)


def _problem(row: Mapping[str, Any]) -> str | None:
    """Return why a row counts no calls, or None."""
    for key in ("contract", "caller"):
        if not ADDRESS.fullmatch(row[key] or ""):
            return f"{key} is no address in lower case"
    counts = [row[key] for key in COUNTS]
    if any(not isinstance(each, int) or each < 0 for each in counts) or not any(counts):
        return "counts nothing"
    return None if WEI.fullmatch(row["gas_fees_wei"]) else "gas_fees_wei is no whole number"


def main() -> None:
    """Run as a connector."""
    sys.exit(run(Onchain()))


if __name__ == "__main__":
    main()
