"""One YAML file of an oss-directory as rows, with every entry that cannot be used as a reject.

Schema versions 3 to 7 give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import orjson

from oso_processors.collectors import artifact_urls, plain_yaml
from oso_processors.collectors.artifact_urls import Address
from oso_processors.collectors.plain_yaml import Refused
from oso_processors.collectors.source import Record, reject

PACKAGES = ("npm", "pypi", "crates", "rubygems", "defillama", "open_collective")
PACKAGE_TYPES = {"defillama": "PROTOCOL", "open_collective": "ACCOUNT"}


def parse(content: bytes) -> dict[str, Any]:
    """Return a file's mapping; raise `Refused` when it is none, or may do harm."""
    found = plain_yaml.load(content)
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        raise Refused("name", "has no name")
    return found


def project_name(entry: Mapping[str, Any]) -> str:
    """Return a project's name; before schema 7 it was called its slug."""
    return str(entry.get("slug") or entry["name"]).strip()


def project(file: str, entry: Mapping[str, Any]) -> Iterator[Record]:
    """Yield a project's row, the rows of its artifacts, and its rejects."""
    name = project_name(entry)
    listed = entry.get("websites")
    websites = [
        each["url"]
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict) and isinstance(each.get("url"), str)
    ]
    social = entry.get("social")
    comments = entry.get("comments")
    row = {
        "name": name,
        "version": _whole(entry.get("version")),
        "display_name": entry.get("display_name") or entry["name"],
        "description": entry.get("description"),
        "websites": websites,
        "social": orjson.dumps(social).decode() if isinstance(social, dict) else None,
        "comments": [str(each) for each in comments] if isinstance(comments, list) else [],
        "file": file,
    }
    yield Record("projects", row)
    seen = set()
    for found in _artifacts(file, entry):
        if isinstance(found, Record):
            yield found
            continue
        address, kind, url = found
        if (address, kind) not in seen:
            seen.add((address, kind))
            yield Record("project_artifacts", _artifact(name, address, kind, url, file))


def collection(file: str, entry: Mapping[str, Any]) -> Iterator[Record]:
    """Yield a collection's row and the rows of its projects."""
    name = project_name(entry)
    row = {
        "name": name,
        "version": _whole(entry.get("version")),
        "display_name": entry.get("display_name") or entry["name"],
        "description": entry.get("description"),
        "file": file,
    }
    yield Record("collections", row)
    members = entry.get("projects") or []
    if not isinstance(members, list):
        yield reject(file, "projects", "is no list", members)
        return
    for member in dict.fromkeys(each for each in members if isinstance(each, str)):
        yield Record(
            "collection_projects",
            {"collection_name": name, "project_name": member.strip(), "file": file},
        )


def _artifact(
    project: str, address: Address, kind: str, url: str | None, file: str
) -> dict[str, Any]:
    source, namespace, name = address
    return {
        "project_name": project,
        "artifact_source": source,
        "artifact_namespace": namespace,
        "artifact_name": name,
        "artifact_type": kind,
        "artifact_url": url,
        "file": file,
    }


Reading = Callable[[str], Address | None]
Found = tuple[Address, str, str | None] | Record


def _artifacts(file: str, entry: Mapping[str, Any]) -> Iterator[Found]:
    reason = "is no repository or owner on GitHub"
    for found in _by_url(file, entry, "github", "REPOSITORY", reason, artifact_urls.github):
        is_owner = not isinstance(found, Record) and not found[0][2]
        yield (found[0], "OWNER", found[2]) if is_owner else found  # type: ignore[index]
    for key in PACKAGES:
        kind = PACKAGE_TYPES.get(key, "PACKAGE")
        address_of = partial(artifact_urls.package, key)
        yield from _by_url(file, entry, key, kind, f"is no {key} URL", address_of)
    yield from _by_url(file, entry, "go", "PACKAGE", "is no module", artifact_urls.go)
    yield from _by_url(file, entry, "websites", "WEBSITE", "is no website", artifact_urls.website)
    yield from _blockchain(file, entry)


def _blockchain(file: str, entry: Mapping[str, Any]) -> Iterator[Found]:
    for found in _entries(file, entry, "blockchain"):
        if isinstance(found, Record):
            yield found
            continue
        place, each = found
        written = each.get("address")
        networks, tags = each.get("networks"), each.get("tags")
        if not isinstance(networks, list) or not isinstance(tags, list):
            yield reject(file, place, "has no networks or tags", each)
            continue
        if not isinstance(written, str) or not artifact_urls.blockchain("", written):
            yield reject(file, f"{place}.address", "is no address", written)
            continue
        if written != written.strip():
            yield reject(file, f"{place}.address", "kept without the spaces around it", written)
        for network in networks:
            address = artifact_urls.blockchain(str(network), written)
            if address:
                yield from ((address, str(tag).upper(), None) for tag in tags)


def _entries(
    file: str, entry: Mapping[str, Any], key: str
) -> Iterator[tuple[str, Mapping[str, Any]] | Record]:
    """Yield each mapping of a list with its place; what has another shape is a reject."""
    values = entry.get(key)
    if not isinstance(values, list):
        if values is not None:
            yield reject(file, key, "is no list", values)
        return
    for index, each in enumerate(values):
        place = f"{key}[{index}]"
        yield (
            (place, each)
            if isinstance(each, dict)
            else reject(file, place, "is no mapping of keys", each)
        )


def _by_url(
    file: str, entry: Mapping[str, Any], key: str, kind: str, reason: str, address_of: Reading
) -> Iterator[Found]:
    """Yield the artifact that each URL of a list means."""
    for each in _entries(file, entry, key):
        if isinstance(each, Record):
            yield each
            continue
        place, url = each[0], each[1].get("url")
        address = address_of(url) if isinstance(url, str) else None
        yield (address, kind, url) if address else reject(file, f"{place}.url", reason, url)


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, str) and value.isdecimal() else None
