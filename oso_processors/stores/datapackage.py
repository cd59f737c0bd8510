"""A release of files in words that other tools read: a Frictionless data package, and a citation.

Sources: https://datapackage.org/standard/data-package/ (version 2), https://citation-file-format.github.io (1.2.0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from oso_processors import checksum
from oso_processors.stores import Manifest, Published

NAMES = ("datapackage.json", "CITATION.cff")
TITLE = "OSO Processors: the impact of open source software"
LICENCE = "https://spdx.org/licenses/{}.html"
TYPES = {
    "text": "string",
    "whole": "integer",
    "decimal": "number",
    "boolean": "boolean",
    "date": "date",
    "moment": "datetime",
    "texts": "list",
}


def datapackage(release: Manifest, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the package of ``files``: name, path, bytes and sha256 of each table's."""
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "oso-processors",
        "title": TITLE,
        "version": release.id,
        "created": release.released_at,
        "licenses": [_licence(name) for name in _licences(release)],
        "resources": [_resource(each, release.contents[each["name"]]) for each in files],
    }


def citation(release: Manifest) -> str:
    """Return how the release is cited, as CITATION.cff."""
    body = {
        "cff-version": "1.2.0",
        "message": "Please cite the release that you used.",
        "type": "dataset",
        "title": TITLE,
        "authors": [{"name": "The contributors of OSO Processors"}],
        "version": release.id,
        "date-released": release.released_at[:10],
        "license": _licences(release),
    }
    return str(yaml.safe_dump(body, sort_keys=False))


def _resource(file: Mapping[str, Any], table: Published) -> dict[str, Any]:
    return {
        "name": file["name"],
        "path": file["path"],
        "type": "table",
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": file["bytes"],
        "hash": f"sha256:{file['sha256']}",
        "description": table.description,
        "licenses": [_licence(name) for name in filter(None, [table.about.get("licence")])],
        "schema": {
            "fields": [
                {
                    "name": each.name,
                    "type": TYPES[checksum.kind(each, file["name"])],
                    "description": each.description,
                }
                for each in table.columns
            ],
            "primaryKey": list(table.grain),
        },
    }


def _licences(release: Manifest) -> list[str]:
    told = (each.about.get("licence") for each in release.contents.values())
    return sorted({each for each in told if each})


def _licence(name: str) -> dict[str, str]:
    return {"name": name, "path": LICENCE.format(name)}
