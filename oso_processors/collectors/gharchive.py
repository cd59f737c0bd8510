"""Collect GH Archive: the public timeline of GitHub, one file an hour, from 2015 on.

The hour is the cursor. Each stream remembers which hours it has, so that an hour is read once, an hour
that comes late is found, and one that is missing for good is a row in `gaps`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oso_processors.collectors.careful import (
    CHECKED_BYTES,
    Reject,
    Unreadable,
    require_gzip,
    require_whole,
    sound_rows,
)
from oso_processors.collectors.hours import HOUR, Hours, between, parse, text
from oso_processors.collectors.source import (
    BOOLEAN,
    GAPS,
    INTEGER,
    REJECTS,
    TEXT,
    TIMESTAMP,
    Estimate,
    File,
    Log,
    Message,
    Record,
    State,
    Stream,
    run,
    schema,
)
from oso_processors.errors import ConfigFailure

if TYPE_CHECKING:
    from oso_processors.collectors.download import Client

NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-(\d{1,2})\.json\.gz")
# The newest hours appear late: their absence is no gap yet.
GRACE = 3 * HOUR


def at(prop: Mapping[str, Any], path: str, person: str | None = None) -> dict[str, Any]:
    """Return ``prop`` with the place of its value in a raw event, and whom it tells of (`persons`)."""
    return {**prop, "x-path": path, **({"x-person": person} if person else {})}


COMMIT = {
    "type": "object",
    "properties": {
        "sha": TEXT,
        "is_distinct": at(BOOLEAN, "distinct"),
        "author_name": at(TEXT, "author.name", "author.name"),
        "author_email_sha256": {**at(TEXT, "author.email", "author.email"), "x-sha256": True},
    },
}
EVENTS = schema(
    id=TEXT,
    type=TEXT,
    created_at=TIMESTAMP,
    actor_id=at(INTEGER, "actor.id", "actor.id"),
    actor_login=at(TEXT, "actor.login", "actor.login"),
    repo_id=at(INTEGER, "repo.id"),
    repo_name=at(TEXT, "repo.name", "repo.owner"),
    org_login=at(TEXT, "org.login"),
    action=at(TEXT, "payload.action"),
    ref=at(TEXT, "payload.ref", "ref.text"),
    ref_type=at(TEXT, "payload.ref_type"),
    push_size=at(INTEGER, "payload.size"),
    push_distinct_size=at(INTEGER, "payload.distinct_size"),
    commits={"type": ["null", "array"], "x-path": "payload.commits", "items": COMMIT},
    issue_id=at(INTEGER, "payload.issue.id"),
    issue_number=at(INTEGER, "payload.issue.number"),
    issue_created_at=at(TIMESTAMP, "payload.issue.created_at"),
    issue_user_id=at(INTEGER, "payload.issue.user.id", "issue_user.id"),
    issue_user_login=at(TEXT, "payload.issue.user.login", "issue_user.login"),
    issue_pull_request_url=at(TEXT, "payload.issue.pull_request.url"),
    pull_request_id=at(INTEGER, "payload.pull_request.id"),
    pull_request_number=at(INTEGER, "payload.pull_request.number"),
    pull_request_created_at=at(TIMESTAMP, "payload.pull_request.created_at"),
    pull_request_merged_at=at(TIMESTAMP, "payload.pull_request.merged_at"),
    pull_request_is_merged=at(BOOLEAN, "payload.pull_request.merged"),
    pull_request_user_id=at(INTEGER, "payload.pull_request.user.id", "pull_request_user.id"),
    pull_request_user_login=at(TEXT, "payload.pull_request.user.login", "pull_request_user.login"),
    comment_id=at(INTEGER, "payload.comment.id"),
    review_state=at(TEXT, "payload.review.state"),
    release_tag=at(TEXT, "payload.release.tag_name"),
    hour=TIMESTAMP,
)
HOURS = schema(hour=TIMESTAMP, file=TEXT, bytes=INTEGER)

SPEC: Mapping[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "GH Archive",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "folder": {
            "type": "string",
            "description": "A folder of hour files; without it, they are fetched.",
        },
        "urls": {
            "type": "array",
            "items": {"type": "string"},
            "default": ["https://data.gharchive.org/"],
            "description": "Where hours are fetched from; the first that has one is used.",
        },
        "start": {"type": "string", "description": "The first day or hour, in UTC."},
        "end": {
            "type": "string",
            "description": "The day or hour to stop before, in UTC; by default the present hour.",
        },
        "cache": {
            "type": "string",
            "default": ".oso/downloads/gharchive",
            "description": "The folder that fetched hours are kept in.",
        },
        "mode": {
            "enum": ["files", "records"],
            "default": "files",
            "description": "Whether events are handed over as files, to a reader that asks for them, "
            "or always as records.",
        },
    },
}


@dataclass(frozen=True, slots=True)
class HourFile:
    """One hour's file, on disk or still at the archive."""

    hour: datetime
    path: Path | None

    @property
    def name(self) -> str:
        """The file's name, as the archive has it."""
        return self.path.name if self.path else f"{self.hour:%Y-%m-%d}-{self.hour.hour}.json.gz"


class Gharchive:
    """The collector of GH Archive."""

    name = "gharchive"
    documentation_url = "https://www.gharchive.org/"
    spec = SPEC

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `ConfigFailure` when there is nothing to read, `TransientFailure` when it is away."""
        self._listed(config)
        if "folder" not in config:
            from oso_processors.collectors.download import Client

            urls = config.get("urls", SPEC["properties"]["urls"]["default"])
            Client(attempts=1).reach(urls[0])

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """Return events, the hours that were collected, and what is missing or was refused."""
        is_file_based = config.get("mode", "files") == "files"
        return (
            Stream("events", EVENTS, ("id",), "created_at", is_file_based),
            Stream("hours", HOURS, ("hour",), "hour"),
            Stream("gaps", GAPS),
            Stream("rejects", REJECTS),
        )

    def read(
        self,
        config: Mapping[str, Any],
        streams: Collection[str],
        state: Mapping[str, Mapping[str, Any]],
    ) -> Iterator[Message]:
        """Yield each hour that any stream lacks, then its state."""
        done = {name: Hours(state.get(name, {}).get("hours", ())) for name in streams}
        listed = self._listed(config)
        wanted = [each for each in listed if any(each.hour not in hours for hours in done.values())]
        yield Estimate("hours", len(wanted))
        if "folder" in config:
            yield from _strangers(Path(config["folder"]), listed)
            if "gaps" in done:
                yield from _holes(listed, done["gaps"])
        archive = _Archive(config)
        for each in wanted:
            lacking = [name for name in streams if each.hour not in done[name]]
            finished = yield from archive.read(each, lacking)
            for name in lacking:
                if name in finished:
                    done[name].add(each.hour)
                yield State(name, {"hours": done[name].as_ranges()})

    def _listed(self, config: Mapping[str, Any]) -> list[HourFile]:
        start, end = _bounds(config)
        if "folder" not in config:
            if start is None:
                raise ConfigFailure("config: start: is needed to fetch hours; give the first day")
            present = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
            return [HourFile(hour, None) for hour in between(start, min(end or present, present))]
        files = _in_folder(Path(config["folder"]))
        return [
            each
            for each in files
            if (start is None or start <= each.hour) and (end is None or each.hour < end)
        ]


class _Archive:
    """The hours' files, read one after another."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        defaults = {key: each.get("default") for key, each in SPEC["properties"].items()}
        settings = {**defaults, **config}
        self.is_file_based = settings["mode"] == "files"
        self.urls: Sequence[str] = settings["urls"]
        self.cache = Path(settings["cache"])

    def read(
        self, hour: HourFile, streams: Collection[str]
    ) -> Generator[Message, None, Collection[str]]:
        """Yield what ``streams`` lack of an hour; return those that are finished with it."""
        path = hour.path or self._fetch(hour)
        if path is None:
            if _may_come(hour.hour):
                return ()
            yield from _missing(hour, "missing at the source", streams)
            return streams
        try:
            self._require_sound(path)
        except Unreadable as damage:
            if "rejects" in streams:
                yield Record("rejects", _reject(hour.name, "the whole file", str(damage), ""))
            yield from _missing(hour, str(damage), streams)
            if hour.path is None:
                path.unlink()
            # The hour is still to be collected, when the file is mended.
            return ("gaps", "rejects")
        if "events" in streams:
            yield from self._events(path, hour)
        if "hours" in streams:
            size = path.stat().st_size
            yield Record("hours", {"hour": text(hour.hour), "file": hour.name, "bytes": size})
        return streams

    @cached_property
    def client(self) -> Client:
        """The way to the archive; a folder needs none, and does not wait for it to be loaded."""
        from oso_processors.collectors.download import Client

        return Client()

    def _fetch(self, hour: HourFile) -> Path | None:
        """Return the hour's file in the cache; None where no address has it."""
        from oso_processors.collectors.download import NotFound

        for url in self.urls:
            try:
                return self.client.fetch(f"{url.rstrip('/')}/{hour.name}", self.cache / hour.name)
            except NotFound:
                continue
        return None

    def _require_sound(self, path: Path) -> None:
        """Raise `Unreadable` for a damaged file, as far as that is cheap to see.

        The warehouse sees the damage of large files when it reads them; records cannot be taken back.
        """
        if self.is_file_based and path.stat().st_size > CHECKED_BYTES:
            require_gzip(path)
        else:
            require_whole(path)

    def _events(self, path: Path, hour: HourFile) -> Iterator[Message]:
        stamp = text(hour.hour)
        if self.is_file_based:
            yield File("events", path.resolve(), hour.name, {"hour": stamp})
            return
        for _, row in sound_rows(path, hour.name, EVENTS, as_it_lies=True):
            if isinstance(row, Reject):
                yield Record("rejects", _reject(row.file, row.place, row.reason, row.value))
            else:
                row["hour"] = stamp
                yield Record("events", row)


def _reject(file: str, place: str, reason: str, value: str) -> dict[str, str]:
    return {"file": file, "place": place, "reason": reason, "value": value}


def _missing(hour: HourFile, reason: str, streams: Collection[str]) -> Iterator[Record]:
    """Yield the gap that an hour is, unless an earlier run has told of it."""
    if "gaps" in streams:
        bounds = {"started_at": text(hour.hour), "ended_at": text(hour.hour + HOUR)}
        body = {"stream": "events", **bounds, "reason": reason, "detail": hour.name}
        yield Record("gaps", body)


def _may_come(hour: datetime) -> bool:
    return hour > datetime.now(UTC) - GRACE


def _bounds(config: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    found: list[datetime | None] = []
    for key in ("start", "end"):
        try:
            found.append(parse(config[key]) if config.get(key) else None)
        except ValueError:
            raise ConfigFailure(
                f"config: {key}: {config[key]!r}: is no date or hour; write 2025-01-31"
            ) from None
    start, end = found
    if start is not None and end is not None and end <= start:
        raise ConfigFailure(
            f"config: end: {config['end']!r}: is not after start, {config['start']!r}"
        )
    return start, end


def _in_folder(folder: Path) -> list[HourFile]:
    if not folder.is_dir():
        raise ConfigFailure(f"config: folder: {str(folder)!r}: is no folder")
    found: dict[datetime, HourFile] = {}
    for path in sorted(folder.iterdir()):
        hour = _hour_named(path.name)
        if hour is not None:
            found.setdefault(hour, HourFile(hour, path))
    if not found:
        raise ConfigFailure(
            f"config: folder: {str(folder)!r}: holds no hour; hours are named 2025-01-31-15.json.gz"
        )
    return [found[hour] for hour in sorted(found)]


def _hour_named(name: str) -> datetime | None:
    """Return the hour that a file's name means, padded or not, or None."""
    match = NAME.fullmatch(name)
    try:
        return parse(f"{match[1]}T{int(match[2]):02}:00:00") if match else None
    except ValueError:
        return None


def _holes(files: Sequence[HourFile], known: Hours) -> Iterator[Message]:
    """Yield the hours that a folder lacks between the ones it has, a row for each run of them."""
    has_news = False
    for before, after in pairwise(files):
        absent = [hour for hour in between(before.hour + HOUR, after.hour) if hour not in known]
        if absent:
            has_news = True
            bounds = {"started_at": text(absent[0]), "ended_at": text(absent[-1] + HOUR)}
            body = {"stream": "events", **bounds, "reason": "missing in the folder"}
            yield Record("gaps", {**body, "detail": None})
            for hour in absent:
                known.add(hour)
    if has_news:
        yield State("gaps", {"hours": known.as_ranges()})


def _strangers(folder: Path, files: Sequence[HourFile]) -> Iterator[Log]:
    """Say what of a folder is no hour, or an hour again, so that nobody misses it silently."""
    known = {each.name for each in files}
    names = [each.name for each in sorted(folder.iterdir()) if each.name not in known]
    if names:
        yield Log("INFO", f"{folder}: left out, no hours or not these: {', '.join(names[:20])}")


def main() -> None:
    """Run as a connector."""
    sys.exit(run(Gharchive()))


if __name__ == "__main__":
    main()
