"""Which connectors run with what settings: those of sources.yaml, or a folder laid out as the sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oso_processors.declarations import load_sources
from oso_processors.errors import ConfigFailure
from oso_processors.settings import Settings

DECLARED = "sources.yaml"
# The folders of a sample, each with the connector that reads it and the key of its settings.
FOLDERS = {
    "oss_directory": ("oss-directory", "source-oss-directory", "path"),
    "gharchive": ("gharchive", "source-gharchive", "folder"),
    "git_history": ("git", "source-git-history", "folder"),
    "oss_funding": ("oss-funding", "source-oss-funding", "path"),
    "open_collective": ("open-collective", "source-open-collective", "folder"),
    "registries": ("registry", "source-registries", "folder"),
    "open_dev_data": ("open-dev-data", "source-open-dev-data", "path"),
    "onchain": ("onchain", "source-onchain", "folder"),
    "dependency_graph": ("dependency-graph", "source-dependency-graph", "folder"),
}


@dataclass(frozen=True, slots=True)
class ChosenSource:
    """A connector to run; `origin` is where its data comes from, as a person would say it."""

    name: str
    command: Sequence[str]
    config: Mapping[str, Any]
    streams: Sequence[str] | None
    origin: str


class EveryVariable(dict[str, str]):
    """An environment in which every variable is set, for who asks for nobody's secrets."""

    def get(self, name: str, default: Any = None) -> Any:
        return "set"


def licences(project: Path) -> dict[str, str]:
    """Return the licence of each source that sources.yaml names one of; raise `DeclarationInvalid`."""
    declared = load_sources(project / DECLARED, EveryVariable())
    return {name: each.licence for name, each in declared.items() if each.licence}


def chosen(settings: Settings, folder: Path | None) -> list[ChosenSource]:
    """Return the sources of ``folder``, or those that sources.yaml declares.

    Raise `ConfigFailure` for a folder with none of them.
    """
    if folder is None:
        declared = load_sources(settings.project / DECLARED)
        return [
            ChosenSource(name, each.command, each.config, each.streams, DECLARED)
            for name, each in declared.items()
        ]
    place = folder.resolve()
    found = [
        ChosenSource(name, [command], {key: str(place / below)}, None, str(place))
        for name, (below, command, key) in FOLDERS.items()
        if (place / below).is_dir()
    ]
    if not found:
        wanted = ", ".join(below for below, _, _ in FOLDERS.values())
        raise ConfigFailure(f"{folder}: holds none of the folders {wanted}")
    return found


def fetched_by(settings: Settings, source: str) -> list[Path]:
    """Return the folders in which a source's collector keeps what it fetched, where nobody named another."""
    here = settings.project / ".oso" / "downloads"
    return [folder / source for folder in dict.fromkeys((settings.downloads, here.resolve()))]
