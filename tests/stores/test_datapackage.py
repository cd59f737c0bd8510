"""What a release of files says of itself in words that other tools read."""

from __future__ import annotations

import hashlib

import orjson
import yaml

from oso_processors.stores.files import FilesStore

from .conftest import publish


def published(tmp_path, everything, output):
    publish(FilesStore(tmp_path / "releases"), everything, 1, output())
    return tmp_path / "releases" / "r1"


def test_a_release_is_a_data_package_with_each_tables_file_shape_and_hash(
    tmp_path, everything, output
):
    folder = published(tmp_path, everything, output)

    package = orjson.loads((folder / "datapackage.json").read_bytes())

    (resource,) = package.pop("resources")
    content = (folder / resource["path"]).read_bytes()
    assert (package["version"], package["licenses"]) == ("r1", [])
    assert (resource["bytes"], resource["hash"]) == (
        len(content),
        f"sha256:{hashlib.sha256(content).hexdigest()}",
    )
    schema = resource["schema"]
    assert schema["primaryKey"] == ["id"]
    assert [(each["name"], each["type"]) for each in schema["fields"]] == [
        ("id", "integer"),
        ("word", "string"),
        ("amount", "number"),
        ("small", "number"),
        ("narrow", "integer"),
        ("is_on", "boolean"),
        ("day", "date"),
        ("at", "datetime"),
        ("words", "list"),
    ]
    assert schema["fields"][0]["description"] == "The grain."


def test_a_release_says_how_it_is_cited(tmp_path, everything, output):
    folder = published(tmp_path, everything, output)

    cited = yaml.safe_load((folder / "CITATION.cff").read_text())

    assert (cited["cff-version"], cited["type"], cited["version"]) == ("1.2.0", "dataset", "r1")
    assert str(cited["date-released"]) == "2024-05-01"
