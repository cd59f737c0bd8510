"""Collect an oss-directory: projects with their artifacts, and collections of projects.

The whole directory is one snapshot. Its digest is the state, so that an unchanged one costs no more
than reading it; a bad entry costs itself and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from oso_processors.collectors import directory_yaml
from oso_processors.collectors.checkouts import Layout, digest, files
from oso_processors.collectors.plain_yaml import Refused
from oso_processors.collectors.source import (
    INTEGER,
    REJECTS,
    TEXT,
    Estimate,
    Message,
    Stream,
    reject,
    run,
    schema,
    snapshot,
)
from oso_processors.errors import ConfigFailure

LAYOUT = Layout(
    kind="an oss-directory",
    mark="data/projects",
    inside=r"data/(?:projects|collections)/.*",
    url="https://github.com/opensource-observer/oss-directory",
    branch="main",
    cache=".oso/downloads/oss_directory",
)
TEXTS = {"type": ["null", "array"], "items": {"type": "string"}}
PROJECTS = schema(
    name=TEXT,
    version=INTEGER,
    display_name=TEXT,
    description=TEXT,
    websites=TEXTS,
    social=TEXT,
    comments=TEXTS,
    file=TEXT,
)
ARTIFACTS = schema(
    project_name=TEXT,
    artifact_source=TEXT,
    artifact_namespace=TEXT,
    artifact_name=TEXT,
    artifact_type=TEXT,
    artifact_url=TEXT,
    file=TEXT,
)
COLLECTIONS = schema(name=TEXT, version=INTEGER, display_name=TEXT, description=TEXT, file=TEXT)
MEMBERS = schema(collection_name=TEXT, project_name=TEXT, file=TEXT)


class OssDirectory:
    """The collector of an oss-directory."""

    name = "oss_directory"
    documentation_url = "https://github.com/opensource-observer/oss-directory"
    spec: Mapping[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "OSS Directory",
        "type": "object",
        "additionalProperties": False,
        "properties": LAYOUT.settings(),
    }

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `ConfigFailure` when there is no directory to read."""
        _projects(LAYOUT.place(config))

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """Return projects, their artifacts, collections, their projects, and rejects."""
        return (
            Stream("projects", PROJECTS, ("name",), sync="overwrite"),
            Stream("project_artifacts", ARTIFACTS, sync="overwrite"),
            Stream("collections", COLLECTIONS, ("name",), sync="overwrite"),
            Stream("collection_projects", MEMBERS, sync="overwrite"),
            Stream("rejects", REJECTS, sync="overwrite"),
        )

    def read(
        self,
        config: Mapping[str, Any],
        streams: Collection[str],
        state: Mapping[str, Mapping[str, Any]],
    ) -> Iterator[Message]:
        """Yield the whole directory when it changed, and its digest as the state of each stream."""
        place = LAYOUT.place(config)
        yield from snapshot(streams, state, {"digest": digest(place, LAYOUT)}, _rows(place))


def _projects(place: Path) -> int:
    count = sum(name.startswith("data/projects/") for name, _ in files(place, LAYOUT))
    if not count:
        raise ConfigFailure(f"{place}: holds no data/projects; is it an oss-directory?")
    return count


def _rows(place: Path) -> Iterator[Message]:
    yield Estimate("projects", _projects(place))
    names: dict[tuple[str, str], str] = {}
    for file, content in files(place, LAYOUT):
        if not file.endswith((".yaml", ".yml")):
            continue
        try:
            entry = directory_yaml.parse(content)
        except Refused as error:
            yield reject(file, error.place, error.reason, "")
            continue
        layer = file.split("/")[1]
        name = directory_yaml.project_name(entry)
        if (first := names.setdefault((layer, name.lower()), file)) != file:
            yield reject(file, "name", f"stands in {first} too; left out here", name)
            continue
        if layer == "collections":
            yield from directory_yaml.collection(file, entry)
            continue
        if file.split("/")[2] != name[:1].lower():
            yield reject(file, "the path", "kept, though in another letter", name)
        yield from directory_yaml.project(file, entry)


def main() -> None:
    """Run as a connector."""
    sys.exit(run(OssDirectory()))


if __name__ == "__main__":
    main()
