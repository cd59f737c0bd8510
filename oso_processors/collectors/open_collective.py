"""Collect Open Collective: collectives, and the money that they were given and gave.

One collective is asked for after the other; its transactions a page at a time, from the day of the last
one that is known. Persons who gave are known by a hash before anything lands.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from oso_processors.collectors import open_collective_answers as answers
from oso_processors.collectors.download import Client
from oso_processors.collectors.open_collective_answers import ACCOUNT, RATES, TRANSACTIONS, Rates
from oso_processors.collectors.oss_directory import OssDirectory
from oso_processors.collectors.source import (
    BOOLEAN,
    GAPS,
    REJECTS,
    TEXT,
    TIMESTAMP,
    Estimate,
    Log,
    Message,
    Record,
    State,
    Stream,
    of_person,
    reject,
    run,
    schema,
    snapshot,
)
from oso_processors.errors import ConfigFailure, TransientFailure

COLLECTIVES = schema(
    slug=TEXT,
    name=TEXT,
    type=TEXT,
    currency=TEXT,
    website=TEXT,
    repository=TEXT,
    social_links=TEXT,
    parent_slug=TEXT,
    created_at=TIMESTAMP,
)
PAYMENTS = schema(
    id=TEXT,
    transaction_group=TEXT,
    type=TEXT,
    kind=TEXT,
    created_at=TIMESTAMP,
    amount=TEXT,
    currency=TEXT,
    amount_usd=TEXT,
    from_type=TEXT,
    from_slug=TEXT,
    from_parent_slug=TEXT,
    from_person_sha256=of_person(TEXT, "giver.email"),
    to_type=TEXT,
    to_slug=TEXT,
    to_parent_slug=TEXT,
    to_person_sha256=of_person(TEXT, "receiver.email"),
    is_refund=BOOLEAN,
    is_refunded=BOOLEAN,
    refunded_group=TEXT,
)
URL = "https://api.opencollective.com/graphql/v2"
SOURCE = "OPEN_COLLECTIVE"
FILES = ("accounts.jsonl", "transactions.jsonl")
# Ten requests a minute are allowed to anybody, a hundred to who has a token.
PAUSE, PAUSE_WITH_TOKEN = 6.0, 0.7


@dataclass
class OpenCollective:
    """The collector of Open Collective."""

    client: Client = field(default_factory=Client)
    name: str = "open_collective"
    documentation_url: str = "https://docs.opencollective.com/help/developers/api"
    spec: Mapping[str, Any] = field(
        default_factory=lambda: {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "Open Collective",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "folder": {
                    "type": "string",
                    "description": "A folder with accounts.jsonl and transactions.jsonl, as the API "
                    "tells them; with it, nothing is fetched.",
                },
                "directory": {
                    "type": "string",
                    "description": "An oss-directory, as its collector's `path`: "
                    "the collectives that its projects list are read.",
                },
                "collectives": {
                    "type": "array",
                    "description": "More collectives to read, by their slugs.",
                    "items": {"type": "string"},
                },
                "token": {
                    "type": "string",
                    "airbyte_secret": True,
                    "description": "A personal token, with which more may be asked in a minute.",
                },
                "url": {"type": "string", "default": URL, "description": "Where the API is."},
                "start": {
                    "type": "string",
                    "pattern": r"^\d{4}-\d{2}-\d{2}$",
                    "description": "The first day of transactions; by default the first that there is.",
                },
                "days": {
                    "type": "integer",
                    "minimum": 0,
                    "default": 1,
                    "description": "After how many days a collective is read again.",
                },
                "page": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 1000,
                    "default": 500,
                    "description": "How many transactions are asked for at once.",
                },
                "pause": {
                    "type": "number",
                    "minimum": 0,
                    "description": "Seconds between two requests; by default 6, with a token 0.7.",
                },
            },
        }
    )

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `ConfigFailure` when there is nothing to read."""
        if "folder" in config:
            _files(Path(config["folder"]))
        elif not _listed(config):
            raise ConfigFailure(
                "config: give collectives, a directory that lists some, or a folder"
            )

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """Return collectives and their transactions, what is missing, and what was refused."""
        return (
            Stream("collectives", COLLECTIVES, ("slug",)),
            Stream("transactions", PAYMENTS, ("id",), cursor_field="created_at"),
            Stream("gaps", GAPS),
            Stream("rejects", REJECTS),
        )

    def read(
        self,
        config: Mapping[str, Any],
        streams: Collection[str],
        state: Mapping[str, Mapping[str, Any]],
    ) -> Iterator[Message]:
        """Yield each collective that was not read lately with its new transactions."""
        self.check(config)
        if "folder" in config:
            files = _files(Path(config["folder"]))
            now = {path.name: answers.digest(path) for path in files}
            yield from snapshot(streams, state, now, _from_files(files))
            return
        known = {name: dict(state.get(name, {})) for name in streams}
        due = [each for each in _listed(config) if _is_due(each, known, config.get("days", 1))]
        yield Estimate("collectives", len(due))
        failed = 0
        for slug in due:
            try:
                yield from self._collective(config, slug, known)
            except (TransientFailure, KeyError, TypeError, ValueError) as failure:
                failed += 1
                yield Log("WARN", f"{slug}: {failure!s}")
                yield answers.gap(slug, "unreadable", str(failure))
            yield from _states(known)
        if not due:
            yield from _states(known)
        if due and failed == len(due):
            raise TransientFailure(f"none of {failed} collectives could be read")

    def _collective(
        self, config: Mapping[str, Any], slug: str, known: Mapping[str, dict[str, Any]]
    ) -> Iterator[Message]:
        """Yield a collective and its transactions, and write down that it was read."""
        api = _Api(self.client, config)
        read_at = datetime.now(UTC).isoformat(timespec="seconds")
        account = api.ask(ACCOUNT, {"slug": slug})["account"]
        if account is None:
            yield answers.gap(slug, "missing", "Open Collective has no such account")
        elif answers.is_person(account):
            yield reject(SOURCE, "collectives", "is a person, and left out", slug)
        else:
            yield answers.collective(account)
            if "transactions" in known:
                yield from _transactions(api, slug, known)
        for name, each in known.items():
            last = {"last": each.get(slug, {}).get("last")} if name == "transactions" else {}
            each[slug] = {"read_at": read_at, **last}


@dataclass(frozen=True, slots=True)
class _Api:
    """Open Collective's GraphQL, asked politely: with a pause before each request."""

    client: Client
    config: Mapping[str, Any]

    def ask(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the data of an answer; raise `TransientFailure` for one with errors."""
        token = self.config.get("token")
        time.sleep(self.config.get("pause", PAUSE_WITH_TOKEN if token else PAUSE))
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Personal-Token"] = token
        url = self.config.get("url", URL)
        body = orjson.dumps({"query": query, "variables": variables})
        try:
            answer = orjson.loads(self.client.post(url, body, headers))
        except orjson.JSONDecodeError:
            raise TransientFailure(f"{url}: the answer is no JSON") from None
        if not isinstance(answer, dict) or answer.get("errors") or not answer.get("data"):
            raise TransientFailure(f"{url}: {answers.problem(answer)}")
        data: Mapping[str, Any] = answer["data"]
        return data

    def rates(self, nodes: Sequence[Mapping[str, Any]]) -> Rates:
        """Return what a unit of each currency was worth in US dollars on the days of transactions."""
        wanted = answers.wanted_rates(nodes)
        return answers.rates(self.ask(RATES, {"requests": wanted})) if wanted else {}


def _transactions(api: _Api, slug: str, known: Mapping[str, dict[str, Any]]) -> Iterator[Message]:
    """Yield transactions from the last known one on, and the states after each page."""
    done = known["transactions"]
    size = api.config.get("page", 500)
    first = api.config.get("start")
    start = done.get(slug, {}).get("last") or (first and f"{first}T00:00:00Z")
    count = 0
    while True:
        asked = {"slug": slug, "limit": size, "offset": count, "dateFrom": start}
        nodes = api.ask(TRANSACTIONS, asked)["transactions"]["nodes"]
        rates = api.rates(nodes)
        for node in nodes:
            yield from answers.transaction(node, rates)
        count += len(nodes)
        if nodes:
            # Not read to its end, so that a run that was cut goes on from here.
            done[slug] = {**done.get(slug, {}), "last": nodes[-1]["createdAt"]}
        if len(nodes) < size:
            return
        yield from _states(known)


def _states(known: Mapping[str, Mapping[str, Any]]) -> Iterator[State]:
    return (State(name, dict(each)) for name, each in known.items())


def _is_due(slug: str, known: Mapping[str, Mapping[str, Any]], days: int) -> bool:
    """Return whether a collective was not read for so many days, for any of the streams."""
    limit = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    wanted = [known[name] for name in ("collectives", "transactions") if name in known]
    return any(each.get(slug, {}).get("read_at", "") <= limit for each in wanted)


def _listed(config: Mapping[str, Any]) -> list[str]:
    named = list(config.get("collectives", ()))
    if "directory" in config:
        rows = OssDirectory().read({"path": config["directory"]}, ("project_artifacts",), {})
        named += [
            each.data["artifact_name"]
            for each in rows
            if isinstance(each, Record) and each.data.get("artifact_source") == SOURCE
        ]
    return sorted({each.strip().lower() for each in named})


def _files(folder: Path) -> list[Path]:
    paths = [folder / name for name in FILES]
    for path in paths:
        if not path.is_file():
            raise ConfigFailure(f"config: folder: {str(folder)!r}: holds no {path.name}")
    return paths


def _from_files(files: Sequence[Path]) -> Iterator[Message]:
    accounts, transactions = files
    for node in answers.nodes(accounts):
        if isinstance(node, Record):
            yield node
        elif not answers.is_person(node):
            yield answers.collective(node)
    for node in answers.nodes(transactions):
        yield from [node] if isinstance(node, Record) else answers.transaction(node, {})


def main() -> None:
    """Run as a connector."""
    sys.exit(run(OpenCollective()))


if __name__ == "__main__":
    main()
