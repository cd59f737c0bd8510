"""Collect Open Dev Data: a taxonomy of ecosystems with their repositories, as it was on a day.

The taxonomy is told as migrations, which are replayed in their order up to that day.
(c) Electric Capital Partners, LLC; CC BY 4.0.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from oso_processors.collectors import artifact_urls
from oso_processors.collectors.checkouts import Layout, digest, files
from oso_processors.collectors.source import (
    INTEGER,
    REJECTS,
    TEXT,
    Estimate,
    Message,
    Record,
    Stream,
    reject,
    run,
    schema,
    snapshot,
)
from oso_processors.collectors.taxonomy import Impossible, Taxonomy, lines
from oso_processors.errors import ConfigFailure

LAYOUT = Layout(
    kind="the taxonomy of Open Dev Data",
    mark="migrations",
    inside=r"migrations/\d{4}-\d{2}-\d{2}[^/]*",
    url="https://github.com/electric-capital/open-dev-data",
    branch="master",
    cache=".oso/downloads/open_dev_data",
)
ECOSYSTEMS = schema(name=TEXT)
BRANCHES = schema(ecosystem=TEXT, branch=TEXT, leaf=TEXT, depth=INTEGER)
REPOSITORIES = schema(ecosystem=TEXT, url=TEXT, repository_name=TEXT, tags=TEXT)
PLAIN = re.compile(r"https://github\.com/([A-Za-z0-9-]+/[A-Za-z0-9._-]+)")


class OpenDevData:
    """The collector of Open Dev Data's taxonomy."""

    name = "open_dev_data"
    documentation_url = "https://github.com/electric-capital/open-dev-data"
    spec: Mapping[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Open Dev Data",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **LAYOUT.settings(),
            "end": {
                "type": "string",
                "pattern": r"^\d{4}-\d{2}-\d{2}$",
                "description": "The day to stop before; by default the taxonomy is that of now.",
            },
        },
    }

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `ConfigFailure` when there are no migrations to read."""
        _require(LAYOUT.place(config))

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """Return ecosystems, the ways to those that each holds, their repositories, and rejects."""
        return (
            Stream("ecosystems", ECOSYSTEMS, ("name",), sync="overwrite"),
            Stream("branches", BRANCHES, ("ecosystem", "branch"), sync="overwrite"),
            Stream("repositories", REPOSITORIES, ("ecosystem", "url"), sync="overwrite"),
            Stream("rejects", REJECTS, sync="overwrite"),
        )

    def read(
        self,
        config: Mapping[str, Any],
        streams: Collection[str],
        state: Mapping[str, Mapping[str, Any]],
    ) -> Iterator[Message]:
        """Yield the whole taxonomy when it changed, and its digest as the state of each stream."""
        place = LAYOUT.place(config)
        _require(place)
        end = config.get("end")
        now = {"digest": digest(place, LAYOUT), "end": end}
        yield from snapshot(streams, state, now, _taxonomy(place, end))


def _require(place: Path) -> None:
    if next(files(place, LAYOUT), None) is None:
        raise ConfigFailure(f"{place}: holds no migrations; is it Open Dev Data?")


def _taxonomy(place: Path, end: str | None) -> Iterator[Message]:
    taxonomy = Taxonomy()
    for file, content in sorted(files(place, LAYOUT)):
        if not end or file.split("/")[-1][:10] < end:
            yield from _replayed(taxonomy, file, content)
    yield from _rows(taxonomy)


def _replayed(taxonomy: Taxonomy, file: str, content: bytes) -> Iterator[Record]:
    """Carry out a migration, and yield what of it could not be."""
    for number, line in lines(content):
        try:
            taxonomy.replay(line)
        except Impossible as error:
            yield reject(file, f"line {number}", str(error), line)


def _rows(taxonomy: Taxonomy) -> Iterator[Message]:
    yield Estimate("repositories", sum(map(len, taxonomy.repositories.values())))
    for name, listed in taxonomy.repositories.items():
        yield Record("ecosystems", {"name": name})
        for branch in taxonomy.branches(name):
            way = {"branch": " > ".join(branch), "leaf": branch[-1], "depth": len(branch) - 1}
            yield Record("branches", {"ecosystem": name, **way})
        for url, tags in listed.items():
            row = {"ecosystem": name, "url": url, "repository_name": _repository_name(url)}
            yield Record("repositories", {**row, "tags": " ".join(tags) or None})


def _repository_name(url: str) -> str | None:
    """Return owner/name of a repository of GitHub, in lower case."""
    plain = PLAIN.fullmatch(url)
    if plain:
        return plain[1].lower().removesuffix(".git")
    address = artifact_urls.github(url)
    return f"{address[1]}/{address[2]}" if address and address[2] else None


def main() -> None:
    """Run as a connector."""
    sys.exit(run(OpenDevData()))


if __name__ == "__main__":
    main()
