"""Collect git histories: the commits and tags of repositories, from clones or from Parquet.

A repository's state is where its default branch and its .mailmap stood: only what came after is read,
and everything again when the .mailmap changed, since that changes who wrote what.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oso_processors.collectors import git_log
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
    of_person,
    run,
    schema,
)
from oso_processors.errors import ConfigFailure, TransientFailure

COMMITS = schema(
    repo=TEXT,
    sha=TEXT,
    parents=INTEGER,
    author_name=of_person(TEXT, "author.name"),
    author_email_sha256=of_person(TEXT, "author.email"),
    author_pushed_email_sha256=of_person(TEXT, "author.email"),
    author_canon_name=of_person(TEXT, "author.name"),
    author_canon_email_sha256=of_person(TEXT, "author.email"),
    author_noreply_id=of_person(INTEGER, "author.id"),
    author_noreply_login=of_person(TEXT, "author.login"),
    author_time=TIMESTAMP,
    author_tz_min=INTEGER,
    committer_time=TIMESTAMP,
    is_merge=BOOLEAN,
    additions=INTEGER,
    deletions=INTEGER,
    files=INTEGER,
    binary_files=INTEGER,
)
TAGS = schema(repo=TEXT, tag=TEXT, object_type=TEXT, commit_sha=TEXT, created=TIMESTAMP)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository to read: ``name`` is owner/name; ``clone`` is None where it is still to be made."""

    name: str
    url: str | None
    clone: Path | None


class GitHistory:
    """The collector of git histories."""

    name = "git_history"
    documentation_url = "https://git-scm.com/docs/git-log"
    spec: Mapping[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Git history",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "repositories": {
                "type": "array",
                "description": "Repositories by URL; a path of a local clone is a URL too.",
                "items": {
                    "type": "object",
                    "required": ["url"],
                    "additionalProperties": False,
                    "properties": {
                        "url": {"type": "string", "description": "Where to clone it from."},
                        "name": {
                            "type": "string",
                            "description": "owner/name, if not as in the URL.",
                        },
                    },
                },
            },
            "folder": {
                "type": "string",
                "description": "A folder with commits.parquet and tags.parquet, or with clones.",
            },
            "cache": {
                "type": "string",
                "default": ".oso/downloads/git_history",
                "description": "The folder that clones are kept in.",
            },
            "mode": {
                "enum": ["files", "records"],
                "default": "files",
                "description": "Whether Parquet is handed over as files, to a reader that asks for them, "
                "or always as records.",
            },
        },
    }

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `ConfigFailure` when there is nothing to read."""
        if not _parquet(config) and not self._repositories(config):
            raise ConfigFailure("config: give repositories, or a folder with Parquet or clones")

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """Return commits and tags, what could not be read, and what was refused."""
        is_file_based = bool(_parquet(config)) and config.get("mode", "files") == "files"
        return (
            Stream("commits", COMMITS, ("repo", "sha"), "committer_time", is_file_based),
            Stream("tags", TAGS, ("repo", "tag"), None, is_file_based),
            Stream("gaps", GAPS),
            Stream("rejects", REJECTS),
        )

    def read(
        self,
        config: Mapping[str, Any],
        streams: Collection[str],
        state: Mapping[str, Mapping[str, Any]],
    ) -> Iterator[Message]:
        """Yield what is new in each Parquet file and each repository."""
        self.check(config)
        done = {name: dict(state.get(name, {})) for name in streams}
        for stream, path in _parquet(config).items():
            if stream in done:
                yield from _file(stream, path, done[stream], config.get("mode", "files"))
        repositories = self._repositories(config)
        failed = 0
        for repository in repositories:
            try:
                clone = repository.clone or _cloned(repository, config, self.spec)
                yield from _history(clone, repository.name, done)
            except TransientFailure as failure:
                failed += 1
                yield Log("WARN", f"{repository.name}: {failure}")
                body = {
                    "stream": "commits",
                    "reason": "unreadable",
                    "detail": f"{repository.name}: {failure}",
                }
                yield Record("gaps", body)
        if repositories and failed == len(repositories):
            raise TransientFailure(f"none of {failed} repositories could be read")

    def _repositories(self, config: Mapping[str, Any]) -> list[Repository]:
        named = [
            Repository(each.get("name") or _name(each["url"]), each["url"], None)
            for each in config.get("repositories", [])
        ]
        return named + (_clones(Path(config["folder"])) if "folder" in config else [])


def _parquet(config: Mapping[str, Any]) -> dict[str, Path]:
    if "folder" not in config:
        return {}
    folder = Path(config["folder"])
    if not folder.is_dir():
        raise ConfigFailure(f"config: folder: {str(folder)!r}: is no folder")
    paths = {name: folder / f"{name}.parquet" for name in ("commits", "tags")}
    return {name: path for name, path in paths.items() if path.exists()}


def _file(stream: str, path: Path, done: dict[str, Any], mode: str) -> Iterator[Message]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if done.get("parquet") != digest:
        if mode == "files":
            yield File(stream, path.resolve(), path.name)
        else:
            yield from _parquet_rows(stream, path)
        done["parquet"] = digest
    yield State(stream, done)


def _parquet_rows(stream: str, path: Path) -> Iterator[Message]:
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ConfigFailure(f"{path}: is no Parquet: {error}") from None
    yield Estimate(stream, file.metadata.num_rows)
    for batch in file.iter_batches(batch_size=10_000):
        for row in batch.to_pylist():
            yield Record(stream, row)


def _history(clone: Path, name: str, done: dict[str, dict[str, Any]]) -> Iterator[Message]:
    now = {"head": git_log.head(clone), "mailmap": git_log.mailmap(clone)}
    tagged = {"tags": hashlib.sha256(git_log.tag_lines(clone)).hexdigest()}
    for stream, states in done.items():
        before = states.get(name, {})
        if stream == "commits" and before != now and now["head"]:
            yield from _commits(clone, name, _since(clone, before, now))
        if stream == "tags" and before != tagged:
            yield from (Record("tags", row) for row in git_log.tags(clone, name))
        states[name] = tagged if stream == "tags" else now
        yield State(stream, states)


def _commits(clone: Path, name: str, since: str | None) -> Iterator[Message]:
    for found in git_log.commits(clone, name, since):
        if isinstance(found, git_log.BadCommit):
            body = {"file": name, "place": found.sha, "reason": str(found), "value": ""}
            yield Record("rejects", body)
        else:
            yield Record("commits", found)


def _since(clone: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return the commit to go on from; None when the whole history is to be read."""
    sha = before.get("head")
    if not sha or before.get("mailmap") != now["mailmap"] or not git_log.has_ancestor(clone, sha):
        return None
    return str(sha)


def _cloned(repository: Repository, config: Mapping[str, Any], spec: Mapping[str, Any]) -> Path:
    """Return a bare clone that is up to date."""
    cache = Path(config.get("cache", spec["properties"]["cache"]["default"])).resolve()
    clone = cache / f"{repository.name}.git"
    if (clone / "HEAD").exists():
        git_log.git(clone, "fetch", "--prune", "--tags", "--force", "origin", "+HEAD:HEAD-fetched")
        git_log.git(clone, "update-ref", "--no-deref", "HEAD", "HEAD-fetched")
        return clone
    clone.parent.mkdir(parents=True, exist_ok=True)
    part = clone.with_suffix(".part")
    if part.exists():
        _remove(part)
    git_log.git(cache, "clone", "--bare", "--quiet", "--", str(repository.url), str(part))
    part.rename(clone)
    return clone


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.rmdir()


def _clones(folder: Path) -> list[Repository]:
    heads = sorted({*folder.glob("**/HEAD")})
    found = [path.parent for path in heads if (path.parent / "objects").is_dir()]
    return [
        Repository(_name(str(path.parent if path.name == ".git" else path)), None, path)
        for path in found
    ]


def _name(url: str) -> str:
    parts = [part for part in re.split(r"[/:]", url.rstrip("/").removesuffix(".git")) if part]
    return "/".join(parts[-2:]) if len(parts) > 1 else parts[0]


def main() -> None:
    """Run as a connector."""
    sys.exit(run(GitHistory()))


if __name__ == "__main__":
    main()
