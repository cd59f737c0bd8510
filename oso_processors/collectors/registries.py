"""Collect packages from npm, PyPI and crates.io: versions, dependencies, owners and downloads.

A package is asked for at most once in so many days, so that a run that was cut goes on where it was.
One that its registry does not have, or that cannot be read, is a row in `gaps`.
"""

from __future__ import annotations

import calendar
import hashlib
import re
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from oso_processors.collectors import registry_downloads
from oso_processors.collectors.artifact_urls import pypi_name
from oso_processors.collectors.download import Client, NotFound
from oso_processors.collectors.oss_directory import OssDirectory
from oso_processors.collectors.parquet import parquet_table
from oso_processors.collectors.registry_answers import READERS, is_pypi_prerelease
from oso_processors.collectors.source import (
    BOOLEAN,
    DATE,
    GAPS,
    INTEGER,
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
)
from oso_processors.errors import ConfigFailure, TransientFailure

PACKAGES = schema(
    registry=TEXT,
    name=TEXT,
    version=TEXT,
    license=TEXT,
    repository=TEXT,
    requires_python=TEXT,
    released_at=TIMESTAMP,
    is_yanked=BOOLEAN,
    is_prerelease=BOOLEAN,
)
DEPENDENCIES = schema(
    registry=TEXT, name=TEXT, version=TEXT, dependency=TEXT, spec=TEXT, kind=TEXT, marker=TEXT
)
OWNERS = schema(registry=TEXT, name=TEXT, owner=of_person(TEXT, "owner.login"))
DOWNLOADS = schema(registry=TEXT, name=TEXT, day=DATE, downloads=INTEGER)
URLS = {
    "NPM": "https://registry.npmjs.org",
    "PYPI": "https://pypi.org",
    "CRATES": "https://crates.io",
}
# A state names every package, so that one after each of them would be too much.
SETTLED_AT_ONCE = 50
NAME_LIMIT = 200
DESCRIBING = frozenset({"packages", "dependencies", "owners"})
NEEDED = {
    "packages": ("registry", "name", "version"),
    "dependencies": ("registry", "name", "version", "dependency"),
    "downloads": ("registry", "name", "day", "downloads"),
}
COLUMNS = {"packages": PACKAGES, "dependencies": DEPENDENCIES, "downloads": DOWNLOADS}

Package = tuple[str, str]


@dataclass
class Registries:
    """The collector of package registries."""

    client: Client = field(default_factory=Client)
    name: str = "registries"
    documentation_url: str = "https://github.com/npm/registry"
    spec: Mapping[str, Any] = field(
        default_factory=lambda: {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "Package registries",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "folder": {
                    "type": "string",
                    "description": "A folder with packages.parquet and dependencies.parquet, and "
                    "downloads.parquet if there is one; with it, nothing is fetched.",
                },
                "directory": {
                    "type": "string",
                    "description": "An oss-directory, as its collector's `path`: "
                    "the packages that its projects list are read.",
                },
                "packages": {
                    "type": "array",
                    "description": "More packages to read.",
                    "items": {
                        "type": "object",
                        "required": ["registry", "name"],
                        "additionalProperties": False,
                        "properties": {
                            "registry": {
                                "type": "string",
                                "enum": [*URLS],
                                "description": "NPM, PYPI or CRATES.",
                            },
                            "name": {"type": "string", "description": "Its name there."},
                        },
                    },
                },
                "urls": {
                    "type": "object",
                    "default": URLS,
                    "description": "Where each registry is, if not at its own address.",
                },
                "download_urls": {
                    "type": "object",
                    "default": registry_downloads.URLS,
                    "description": "Where downloads are told, if not there.",
                },
                "download_days": {
                    "type": "integer",
                    "minimum": 1,
                    "default": 365,
                    "description": "How many days back downloads are read at first; "
                    "npm keeps all, PyPI 180 and crates.io 90.",
                },
                "pause": {
                    "type": "number",
                    "minimum": 0,
                    "default": 1,
                    "description": "Seconds between two requests; twice as many where PyPI's downloads are told.",
                },
                "days": {
                    "type": "integer",
                    "minimum": 0,
                    "default": 7,
                    "description": "After how many days a package is read again.",
                },
                "cache": {
                    "type": "string",
                    "default": ".oso/downloads/registries",
                    "description": "The folder that answers which never change are kept in.",
                },
            },
        }
    )

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `ConfigFailure` when there is nothing to read."""
        if "folder" in config:
            _parquet(Path(config["folder"]))
        elif not _listed(config):
            raise ConfigFailure("config: give packages, a directory that lists some, or a folder")

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """Return versions, dependencies, owners and downloads, what is missing, and what was refused."""
        return (
            Stream("packages", PACKAGES, ("registry", "name", "version")),
            Stream("dependencies", DEPENDENCIES),
            Stream("owners", OWNERS),
            Stream("downloads", DOWNLOADS, ("registry", "name", "day")),
            Stream("gaps", GAPS),
            Stream("rejects", REJECTS),
        )

    def read(
        self,
        config: Mapping[str, Any],
        streams: Collection[str],
        state: Mapping[str, Mapping[str, Any]],
    ) -> Iterator[Message]:
        """Yield every package that was not read lately, or the Parquet when it changed."""
        self.check(config)
        if "folder" in config:
            yield from _from_parquet(Path(config["folder"]), streams, state)
            return
        listed = _listed(config)
        others = [name for name in streams if name != "downloads"]
        done = {key: at for name in others for key, at in state.get(name, {}).items()}
        if not DESCRIBING.isdisjoint(streams):
            yield from self._described(config, listed, others, done)
        if "downloads" in streams:
            counted = dict(state.get("downloads", {}))
            for each in self._counted(config, listed, counted):
                yield each
                if isinstance(each, State):
                    yield from (State(name, dict(done)) for name in others)

    def _described(
        self,
        config: Mapping[str, Any],
        listed: Sequence[Package],
        streams: Sequence[str],
        done: dict[str, str],
    ) -> Iterator[Message]:
        """Yield versions, dependencies and owners, and write down in ``done`` what was read."""
        due = _due(listed, done, config.get("days", 7))
        yield Estimate("packages", len(due))
        failed = 0
        for number, (registry, name) in enumerate(due, 1):
            try:
                yield from list(READERS[registry](name, _Asked(self.client, registry, config).ask))
                done[f"{registry}/{name}"] = datetime.now(UTC).isoformat(timespec="seconds")
            except NotFound:
                yield _gap(f"{registry}/{name}", "missing", "the registry has no such package")
                done[f"{registry}/{name}"] = datetime.now(UTC).isoformat(timespec="seconds")
            except (TransientFailure, KeyError, TypeError) as failure:
                failed += 1
                yield Log("WARN", f"{registry}/{name}: {failure!s}")
                yield _gap(f"{registry}/{name}", "unreadable", str(failure))
            if number % SETTLED_AT_ONCE == 0:
                yield from (State(each, dict(done)) for each in streams)
        yield from (State(each, dict(done)) for each in streams)
        if due and failed == len(due):
            raise TransientFailure(f"none of {failed} packages could be read")

    def _counted(
        self, config: Mapping[str, Any], listed: Sequence[Package], done: dict[str, str]
    ) -> Iterator[Message]:
        """Yield downloads, and the state of their stream."""
        last = datetime.now(UTC).date() - timedelta(days=1)
        pace, history = config.get("days", 7), config.get("download_days", 365)
        due = registry_downloads.batches(listed, done, last, pace, history)
        yield Estimate("downloads", sum(len(each.names) * each.day_count for each in due))
        for number, batch in enumerate(due, 1):
            ask = _Asked(self.client, batch.registry, config, is_of_downloads=True).ask
            yield from registry_downloads.read(batch, ask, done)
            if number % SETTLED_AT_ONCE == 0:
                yield State("downloads", dict(done))
        yield State("downloads", dict(done))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A registry that is asked politely: one request after the other, with a pause between."""

    client: Client
    registry: str
    config: Mapping[str, Any]
    is_of_downloads: bool = False

    def ask(self, path: str, is_kept: bool) -> Mapping[str, Any]:
        """Return the answer at a path of the registry; raise `NotFound` or `TransientFailure`."""
        cache = Path(self.config.get("cache", ".oso/downloads/registries"))
        url = f"{self._place()}{path}"
        target = cache / self.registry / f"{_file_name(path)}.json"
        if not (is_kept and target.exists()):
            target.unlink(missing_ok=True)
            time.sleep(self._pause())
        content = self.client.fetch(url, target).read_bytes()
        try:
            answer = orjson.loads(content)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or not is_kept:
            target.unlink()
        if not isinstance(answer, dict):
            raise TransientFailure(f"{url}: the answer is no JSON object")
        return answer

    def _place(self) -> str:
        key = "download_urls" if self.is_of_downloads else "urls"
        known = registry_downloads.URLS if self.is_of_downloads else URLS
        return str({**known, **self.config.get(key, {})}[self.registry]).rstrip("/")

    def _pause(self) -> float:
        slower = registry_downloads.PAUSES.get(self.registry, 1) if self.is_of_downloads else 1
        return float(self.config.get("pause", 1)) * slower


def _file_name(path: str) -> str:
    name = quote(path, safe="")
    # No file's name is as long as those of a hundred packages.
    return name if len(name) < NAME_LIMIT else hashlib.sha256(path.encode()).hexdigest()


def _listed(config: Mapping[str, Any]) -> list[Package]:
    named = [(each["registry"], each["name"]) for each in config.get("packages", ())]
    if "directory" in config:
        rows = OssDirectory().read({"path": config["directory"]}, ("project_artifacts",), {})
        for each in rows:
            if isinstance(each, Record) and each.data.get("artifact_source") in URLS:
                scope, name = each.data["artifact_namespace"], each.data["artifact_name"]
                named.append((each.data["artifact_source"], f"{scope}/{name}" if scope else name))
    return sorted({(registry, _name(registry, name)) for registry, name in named})


def _due(packages: Sequence[Package], done: Mapping[str, str], days: int) -> list[Package]:
    """Return the packages that were never read, or not for so many days."""
    limit = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    return [each for each in packages if done.get("/".join(each), "") <= limit]


def _name(registry: str, name: str) -> str:
    return pypi_name(name) if registry == "PYPI" else name


def _gap(package: str, reason: str, detail: str) -> Record:
    return Record(
        "gaps", {"stream": "packages", "reason": reason, "detail": f"{package}: {detail}"}
    )


def _parquet(folder: Path) -> dict[str, Path]:
    paths = {name: folder / f"{name}.parquet" for name in ("packages", "dependencies")}
    for path in paths.values():
        if not path.is_file():
            raise ConfigFailure(f"config: folder: {str(folder)!r}: holds no {path.name}")
    downloads = folder / "downloads.parquet"
    return {**paths, "downloads": downloads} if downloads.is_file() else paths


def _from_parquet(
    folder: Path, streams: Collection[str], state: Mapping[str, Mapping[str, Any]]
) -> Iterator[Message]:
    for name, path in _parquet(folder).items():
        if name not in streams:
            continue
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if state.get(name, {}).get("parquet") != found:
            yield from _parquet_rows(name, path)
        yield State(name, {"parquet": found})


def _parquet_rows(stream: str, path: Path) -> Iterator[Message]:
    rows = parquet_table(path).to_pylist()
    columns = COLUMNS[stream]["properties"]
    yield Estimate(stream, len(rows))
    for number, found in enumerate(rows, 1):
        refused = _refusal(stream, found)
        if refused:
            yield reject(path.name, f"row {number}", refused, found)
            continue
        row = {name: found.get(name) for name in columns}
        row["name"] = _name(row["registry"], row["name"])
        if stream == "packages":
            row |= _told(found)
        elif stream == "dependencies":
            row["dependency"] = _name(row["registry"], row["dependency"])
        else:
            row["day"] = str(row["day"])
        yield Record(stream, row)


def _refusal(stream: str, found: Mapping[str, Any]) -> str | None:
    for name in NEEDED[stream]:
        if found.get(name) in (None, ""):
            return f"has no {name}"
    if stream == "downloads" and found["downloads"] < 0:
        return "was downloaded less often than never"
    return None if found["registry"] in URLS else "is of no registry that we know"


def _told(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return when a version came and whether it counts; a month alone is known from its last day on."""
    month = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", found.get("latest_release_month") or "")
    released = found.get("released_at")
    if month and not released:
        year, number = int(month[1]), int(month[2])
        released = datetime(year, number, calendar.monthrange(year, number)[1], tzinfo=UTC)
    version = str(found["version"])
    is_early = is_pypi_prerelease(version) if found["registry"] == "PYPI" else "-" in version
    return {
        "released_at": released.isoformat() if isinstance(released, datetime) else released,
        "is_yanked": bool(found.get("is_yanked")),
        "is_prerelease": is_early,
    }


def main() -> None:
    """Run as a connector."""
    sys.exit(run(Registries()))


if __name__ == "__main__":
    main()
