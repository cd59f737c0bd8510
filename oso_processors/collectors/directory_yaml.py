"""One YAML file of an oss-directory as rows, with every entry that cannot be used as a reject.

Schema versions 3 to 7 give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from oso_processors.collectors import artifact_urls, plain_yaml
from oso_processors.collectors.artifact_urls import Address
from oso_processors.collectors.plain_yaml import Refused
from oso_processors.collectors.source import Record

PACKAGES = ("npm", "pypi", "crates", "rubygems", "defillama", "open_collective")
PACKAGE_TYPES = {"defillama": "PROTOCOL", "open_collective": "ACCOUNT"}


def parse(content: bytes) -> dict[str, Any]:
    """Return a file's mapping; raise `Refused` when it is none, or may do harm."""
    found = plain_yaml.load(content)
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        raise Refused("name", "has no name")
    return found


def reject(file: str, place: str, reason: str, value: Any) -> Record:
    """Return a row of the stream rejects."""
    text = value if isinstance(value, str) else repr(value)
    shown = text[:1000].replace("\0", "\ufffd")
    return Record("rejects", {"file": file, "place": place, "reason": reason, "value": shown})


def project_name(entry: Mapping[str, Any]) -> str:
    """Return a project's name; before schema 7 it was called its slug."""
    return str(entry.get("slug") or entry["name"]).strip()


def project(file: str, entry: Mapping[str, Any]) -> Iterator[Record]:
    """Yield a project's row, the rows of its artifacts, and its rejects."""
    name = project_name(entry)
    websites = [each["url"] for _, each in _entries(entry, "websites") if "url" in each]
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


Found = tuple[Address, str, str | None] | Record


def _artifacts(file: str, entry: Mapping[str, Any]) -> Iterator[Found]:
    for place, url in _urls(file, entry, "github"):
        address = artifact_urls.github(url) if isinstance(url, str) else None
        kind = "REPOSITORY" if address and address[2] else "OWNER"
        yield (
            (address, kind, url)
            if address
            else reject(file, place, "is no repository or owner on GitHub", url)
        )
    for key in PACKAGES:
        for place, url in _urls(file, entry, key):
            address = artifact_urls.package(key, url) if isinstance(url, str) else None
            kind = PACKAGE_TYPES.get(key, "PACKAGE")
            yield (address, kind, url) if address else reject(file, place, f"is no {key} URL", url)
    for place, url in _urls(file, entry, "go"):
        address = artifact_urls.go(url) if isinstance(url, str) else None
        yield (address, "PACKAGE", url) if address else reject(file, place, "is no module", url)
    for place, url in _urls(file, entry, "websites"):
        address = artifact_urls.website(url) if isinstance(url, str) else None
        yield (address, "WEBSITE", url) if address else reject(file, place, "is no website", url)
    yield from _blockchain(file, entry)


def _blockchain(file: str, entry: Mapping[str, Any]) -> Iterator[Found]:
    for place, each in _entries(entry, "blockchain"):
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


def _entries(entry: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    values = entry.get(key)
    for index, each in enumerate(values if isinstance(values, list) else []):
        if isinstance(each, dict):
            yield f"{key}[{index}]", each


def _urls(file: str, entry: Mapping[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    values = entry.get(key)
    for index, each in enumerate(values if isinstance(values, list) else []):
        yield f"{key}[{index}].url", each.get("url") if isinstance(each, dict) else None


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, str) and value.isdecimal() else None
