"""What only the files store has to get right."""

from __future__ import annotations

import hashlib
import os
import resource

import duckdb
import orjson
import pytest

from oso_processors.errors import StoreUnusable
from oso_processors.stores.files import FilesStore

from .conftest import manifest, publish


@pytest.fixture
def files(tmp_path):
    return FilesStore(tmp_path / "releases")


def test_the_manifest_tells_a_reader_everything(files, everything, output):
    whole = output()
    publish(files, everything, 1, whole)

    (told,) = orjson.loads((files.place.root / "r1" / "manifest.json").read_bytes())["tables"]

    content = (files.place.root / "r1" / "everything" / "data.parquet").read_bytes()
    columns = told.pop("columns")
    assert told == {
        "name": "everything",
        "path": "everything/data.parquet",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "files": [
            {
                "path": "everything/data.parquet",
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        ],
        "rows": 5,
        "checksum": whole.checksum,
        "description": "One of everything.",
        "grain": ["id"],
        "owner": "me",
    }
    assert columns[0] == {"name": "id", "type": "BIGINT", "description": "The grain."}


def test_rows_are_sorted_by_the_grain(files, everything, output):
    publish(files, everything, 1, output(query="SELECT * FROM everything ORDER BY id DESC"))

    rows = duckdb.sql(f"SELECT id FROM '{files.place.root}/r1/everything/*.parquet'").fetchall()
    assert rows == [(1,), (2,), (3,), (4,), (5,)]


def test_what_did_not_change_is_the_same_file_on_the_disk(files, everything, output):
    publish(files, everything, 1, output())
    publish(files, everything, 2, output())

    first, second = (
        files.place.root / name / "everything" / "data.parquet" for name in ("r1", "r2")
    )
    assert first.samefile(second)


def test_where_there_are_no_links_the_file_is_copied(files, everything, output, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    publish(files, everything, 1, output())
    monkeypatch.setattr(os, "link", refuse)

    publish(files, everything, 2, output())

    first, second = (
        files.place.root / name / "everything" / "data.parquet" for name in ("r1", "r2")
    )
    assert first.read_bytes() == second.read_bytes()


def test_what_a_killed_run_left_is_not_published(files, everything, output):
    for folder in ("old", "everything"):
        (files.place.root / "r1" / folder).mkdir(parents=True)
    left = ("everything.parquet", "old/data.parquet", "old/data.part", "everything/2024-05.parquet")
    for name in (*left, "everything/data.parquet", "everything/data.part"):
        (files.place.root / "r1" / name).write_bytes(b"half")

    publish(files, everything, 1, output())

    assert sorted(path.name for path in (files.place.root / "r1").iterdir()) == [
        "CITATION.cff",
        "datapackage.json",
        "everything",
        "manifest.json",
    ]
    assert [path.name for path in (files.place.root / "r1" / "everything").iterdir()] == [
        "data.parquet"
    ]


def test_what_is_not_a_release_is_left_alone(files, everything, output):
    (files.place.root / "reports").mkdir(parents=True)
    (files.place.root / "r0x").mkdir()
    publish(files, everything, 1, output())

    files.sweep([])

    assert sorted(path.name for path in files.place.root.iterdir()) == [
        "latest.json",
        "r0x",
        "reports",
    ]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path, everything, output):
    (tmp_path / "releases").write_text("a file, not a folder")

    with pytest.raises(StoreUnusable, match=r"files: .*releases: .*; what was published before"):
        FilesStore(tmp_path / "releases").build(everything, manifest(1), output())


def test_a_full_disk_is_one_clear_line(files, everything, output):
    made = output()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    # No file of this process may grow beyond that, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(StoreUnusable) as caught:
            files.build(everything, manifest(1, made), made)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    part = files.place.root / "r1" / "everything" / "data.part"
    assert str(caught.value) == (
        f'files: {files.place.root}: IO Error: Could not write file "{part}": File too large;'
        " what was published before stays, free some space and run again"
    )


def test_a_broken_pointer_is_one_clear_line(files):
    files.place.root.mkdir()
    (files.place.root / "latest.json").write_text("{half")

    with pytest.raises(StoreUnusable, match=r"latest\.json"):
        files.served()
