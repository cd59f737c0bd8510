"""The directory of the sample: projects and collections as YAML, with the dirt of a real one."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import yaml

from oso_processors.sample.open_collective import collective_of
from oso_processors.sample.packages import package_of
from oso_processors.sample.world import Repository, World

PAGES = {"NPM": "https://www.npmjs.com/package/", "PYPI": "https://pypi.org/project/"}
CHAINS = ("optimism", "base", "any_evm")


def write_directory(folder: Path, world: World, random: Random) -> int:
    """Write data/projects and data/collections below ``folder``; return how many projects there are."""
    repositories = world.repositories
    names = project_names(world)
    for number in range(world.size.projects):
        own = repositories[number * 3 : number * 3 + 3]
        entry = _project(number, own, random)
        # Some files lie in another letter's folder.
        letter = "z" if number % 50 == 7 else entry["name"][0]
        _write(folder / "data" / "projects" / letter / f"{entry['name']}.yaml", entry)
    (folder / "data" / "projects" / "README.md").write_text("# Projects\n")
    for number in range(max(2, world.size.projects // 20)):
        # The last tenth of the projects is in no collection; one member stands twice.
        members = names[number : len(names) * 9 // 10 : max(2, number + 2)]
        entry = {
            "version": 7,
            "name": f"collection-{number}",
            "display_name": f"Collection {number}",
            "projects": [*members, *members[:1], *(["gone-project"] * (number == 0))],
        }
        _write(folder / "data" / "collections" / f"collection-{number}.yaml", entry)
    _write_dirt(folder)
    return len(names)


def project_names(world: World) -> list[str]:
    """Return the names of the projects in the directory."""
    repositories = world.repositories
    return [
        _name(number, repositories[number * 3 : number * 3 + 3])
        for number in range(world.size.projects)
    ]


def _name(number: int, own: list[Repository]) -> str:
    return f"{own[0].owner}-{number}"


def _project(number: int, own: list[Repository], random: Random) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "version": 7,
        "name": _name(number, own),
        "display_name": f"Project {number}",
    }
    if number % 3 == 0:
        entry["description"] = f"What project {number} is for: ünïcode, “quotes” and 1/2."
        entry["websites"] = [{"url": f"https://project-{number}.example.org"}]
        entry["social"] = {"twitter": [{"url": f"https://twitter.com/project{number}"}]}
    if number % 29 == 28:
        return entry
    entry["github"] = [{"url": url} for each in own for url in _urls(number, each)]
    if package := package_of(number):
        registry, written = package
        entry[registry.lower()] = [{"url": f"{PAGES[registry]}{written}"}]
    if slug := collective_of(number):
        entry["open_collective"] = [{"url": f"https://opencollective.com/{slug}"}]
    if number % 4 == 1:
        address = f"0x{random.getrandbits(160):040x}"
        networks = [CHAINS[number % len(CHAINS)]]
        entry["blockchain"] = [{"address": address, "tags": ["contract"], "networks": networks}]
    return entry


def _urls(number: int, repository: Repository) -> list[str]:
    """Return how people write a repository: plainly, or as an owner, or not quite."""
    url = f"https://github.com/{repository.owner}/{repository.name}"
    if repository.later_name and number % 2:
        url = f"https://github.com/{repository.owner}/{repository.later_name}"
    if number % 10 == 4:
        return [f"https://github.com/{repository.owner}"]
    forms = {
        1: f"{url}/",
        2: f"{url}.git",
        3: url.replace(repository.owner, repository.owner.title()),
    }
    return [forms.get(number % 11, url), *([url] * (number % 17 == 5))]


def _write_dirt(folder: Path) -> None:
    dirt = {
        "version": 7,
        "name": "dirt",
        "display_name": "Dirt",
        "github": [
            {"url": "https://github.com/dirt/dirt/blob/main/README.md"},
            {"url": "https://dirt.example.org"},
        ],
        "blockchain": [
            {"address": "0x123", "tags": ["contract"], "networks": ["base"]},
            {"address": "", "tags": ["eoa"], "networks": ["optimism"]},
        ],
    }
    _write(folder / "data" / "projects" / "d" / "dirt.yaml", dirt)
    twice = "version: 7\nname: twice\nname: again\ndisplay_name: Twice\n"
    (folder / "data" / "projects" / "d" / "twice.yaml").write_text(twice)


def _write(path: Path, entry: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.dump(entry, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True))
