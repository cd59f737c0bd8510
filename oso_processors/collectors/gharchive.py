"""Collect GH Archive: the public timeline of GitHub, one file an hour, from 2011 on.

The hour is the cursor. Each stream remembers which hours it has, so that an hour is read once, an hour
that comes late is found, and one that is missing for good is a row in `gaps`. Hours of today's form
are handed over as files; those of older forms are read here, line by line.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
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
from oso_processors.collectors.hour_files import (
    Done,
    HourFile,
    gap,
    holes,
    in_folder,
    in_utc,
    strangers,
)
from oso_processors.collectors.hours import HOUR, between, parse, text
from oso_processors.collectors.older_forms import (
    EVENTS_API,
    EVENTS_FORM,
    Told,
    form_of,
    older_rows,
)
from oso_processors.collectors.source import (
    BOOLEAN,
    GAPS,
    INTEGER,
    REJECTS,
    TEXT,
    TIMESTAMP,
    Estimate,
    File,
    Message,
    Record,
    State,
    Stream,
    run,
    schema,
)
from oso_processors.errors import ConfigFailure, TransientFailure

if TYPE_CHECKING:
    from oso_processors.collectors.download import Client

# The newest hours appear late: their absence is no gap yet.
GRACE = 3 * HOUR
# From this hour on pushes list no commits.
WITHOUT_COMMITS = datetime(2025, 10, 7, tzinfo=UTC)


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
HOURS = schema(
    hour=TIMESTAMP,
    file=TEXT,
    bytes=INTEGER,
    form=TEXT,
    has_commits=BOOLEAN,
    has_merges=BOOLEAN,
    has_threads=BOOLEAN,
)

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
            "description": "Where hours are fetched from; the first that has one is used, so that one"
            " with minimized hours comes last.",
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
        done = {name: Done.of(state.get(name, {})) for name in streams}
        listed = self._listed(config)
        wanted = [each for each in listed if any(each not in hours for hours in done.values())]
        yield Estimate("hours", len(wanted))
        if "folder" in config:
            yield from strangers(Path(config["folder"]), listed)
            if "gaps" in done:
                yield from holes(listed, done["gaps"].hours)
        archive = _Archive(config)
        for each in wanted:
            lacking = [name for name in streams if each not in done[name]]
            try:
                finished = yield from archive.read(each, lacking)
            except TransientFailure as failure:
                if "gaps" in done:
                    yield from _missing(each, str(failure).partition(": ")[2], ("gaps",))
                    yield State("gaps", done["gaps"].as_state())
                raise
            for name in lacking:
                if name in finished:
                    done[name].add(each)
                yield State(name, done[name].as_state())

    def _listed(self, config: Mapping[str, Any]) -> list[HourFile]:
        start, end = _bounds(config)
        if "folder" not in config:
            if start is None:
                raise ConfigFailure("config: start: is needed to fetch hours; give the first day")
            present = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
            return [HourFile(hour, None) for hour in between(start, min(end or present, present))]
        files = in_folder(Path(config["folder"]))
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
            form = self._form_of_sound(path, hour)
        except Unreadable as damage:
            if "rejects" in streams:
                yield Record("rejects", _reject(hour.name, "the whole file", str(damage), ""))
            yield from _missing(hour, str(damage), streams)
            if hour.path is None:
                path.unlink()
            # The hour is still to be collected, when the file is mended.
            return ("gaps", "rejects")
        if form != EVENTS_FORM or hour.hour < EVENTS_API:
            yield from self._older(path, hour, Told(form), streams)
            return streams
        if "events" in streams:
            yield from self._events(path, hour)
        if "hours" in streams:
            has = {"commits": hour.hour < WITHOUT_COMMITS, "merges": True, "threads": True}
            yield _collected(path, hour, text(hour.hour), form, has)
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

    def _form_of_sound(self, path: Path, hour: HourFile) -> str:
        """Return a file's form; raise `Unreadable` for a damaged one, as far as that is cheap to see.

        The warehouse sees the damage of large files when it reads them; records cannot be taken back.
        """
        if self.is_file_based and path.stat().st_size > CHECKED_BYTES:
            require_gzip(path)
        else:
            require_whole(path)
        form = form_of(path)
        if form != EVENTS_FORM or hour.hour < EVENTS_API:
            require_whole(path)
        return form

    def _older(
        self, path: Path, hour: HourFile, told: Told, streams: Collection[str]
    ) -> Iterator[Message]:
        """Yield an hour whose lines are turned into rows here; it is those hours that they tell of."""
        stamp = text(hour.hour)
        for row in older_rows(path, hour.name, EVENTS, told):
            if isinstance(row, Reject):
                if "rejects" in streams:
                    yield Record("rejects", _reject(row.file, row.place, row.reason, row.value))
            elif "events" in streams:
                row["hour"] = stamp
                yield Record("events", row)
        if "hours" in streams:
            has = {what: told.has(what) for what in ("commits", "merges", "threads")}
            begin = in_utc(hour.hour) or hour.hour
            for covered in told.covered() or [text(begin)]:
                yield _collected(path, hour, covered, told.form, has)

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


def _collected(
    path: Path, hour: HourFile, stamp: str, form: str, has: Mapping[str, bool]
) -> Record:
    """Return the row of the stream hours that an hour is, with what it tells."""
    flags = {f"has_{what}": is_told for what, is_told in has.items()}
    size = path.stat().st_size
    return Record("hours", {"hour": stamp, "file": hour.name, "bytes": size, "form": form, **flags})


def _missing(hour: HourFile, reason: str, streams: Collection[str]) -> Iterator[Record]:
    """Yield the gap that an hour is, unless an earlier run has told of it."""
    begin = in_utc(hour.hour)
    if "gaps" in streams and begin is not None:
        yield gap(begin, begin + HOUR, reason, hour.name)


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


def main() -> None:
    """Run as a connector."""
    sys.exit(run(Gharchive()))


if __name__ == "__main__":
    main()
