"""Collect graphs of dependencies: which packages a repository is built from, as bills of materials say.

The files are Parquet of either of two shapes; a bill lists what a package needs in turn, too, and does
not tell the one from the other.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from oso_processors.collectors.artifact_urls import pypi_name
from oso_processors.collectors.parquet import parquet_table
from oso_processors.collectors.source import (
    REJECTS,
    TEXT,
    Message,
    Record,
    Stream,
    reject,
    run,
    schema,
    snapshot,
)
from oso_processors.errors import ConfigFailure

PACKAGES = schema(repo=TEXT, package_source=TEXT, package_name=TEXT, package_repo=TEXT, file=TEXT)
# What either shape of file calls a column of ours.
SHAPES = (
    {
        "repo": "seed_repo_name",
        "package_source": "package_source",
        "package_name": "package_name",
        "package_repo": "package_repo_name",
    },
    {
        "repo": "repo_name",
        "package_source": "package_artifact_source",
        "package_name": "package_artifact_name",
    },
)
# What bills of materials call the registries.
REGISTRIES = {"RUST": "CRATES", "PIP": "PYPI"}


class DependencyGraph:
    """The collector of graphs of dependencies."""

    name = "dependency_graph"
    documentation_url = "https://docs.github.com/en/rest/dependency-graph/sboms"
    spec: Mapping[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Dependency graphs",
        "type": "object",
        "additionalProperties": False,
        "required": ["folder"],
        "properties": {
            "folder": {"type": "string", "description": "A folder with the Parquet files."}
        },
    }

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `ConfigFailure` when there is nothing to read."""
        _files(Path(config["folder"]))

    def streams(self, config: Mapping[str, Any]) -> Sequence[Stream]:
        """Return the packages that repositories are built from, and what was refused."""
        return (
            Stream("repository_packages", PACKAGES, ("repo", "package_name"), sync="overwrite"),
            Stream("rejects", REJECTS, sync="overwrite"),
        )

    def read(
        self,
        config: Mapping[str, Any],
        streams: Collection[str],
        state: Mapping[str, Mapping[str, Any]],
    ) -> Iterator[Message]:
        """Yield every row of every file when one changed."""
        paths = _files(Path(config["folder"]))
        total = hashlib.sha256()
        for path in paths:
            total.update(hashlib.sha256(path.read_bytes()).digest())
        rows = chain.from_iterable(map(_rows, paths))
        yield from snapshot(streams, state, {"digest": total.hexdigest()}, rows)


def _files(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise ConfigFailure(f"config: folder: {str(folder)!r}: holds no Parquet")
    return paths


def _rows(path: Path) -> Iterator[Record]:
    table = parquet_table(path)
    shape = next((each for each in SHAPES if {*each.values()} <= {*table.column_names}), None)
    if shape is None:
        raise ConfigFailure(f"{path}: has the columns of no graph of dependencies")
    for number, found in enumerate(table.to_pylist(), 1):
        row = {name: found[column] for name, column in shape.items()}
        if not row["repo"] or "/" not in row["repo"] or not row["package_name"]:
            yield reject(path.name, f"row {number}", "names no edge", found)
            continue
        source = REGISTRIES.get(row["package_source"], row["package_source"])
        name = pypi_name(row["package_name"]) if source == "PYPI" else row["package_name"]
        named = {"package_source": source, "package_name": name, "file": path.name}
        yield Record("repository_packages", {**row, **named})


def main() -> None:
    """Run as a connector."""
    sys.exit(run(DependencyGraph()))


if __name__ == "__main__":
    main()
