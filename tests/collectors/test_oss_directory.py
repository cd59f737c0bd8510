"""The collector of an oss-directory: from a checkout, an archive, or its public repository."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from oso_processors.collectors.oss_directory import OssDirectory
from oso_processors.collectors.source import Record, State
from oso_processors.errors import ConfigFailure

STREAMS = ("projects", "project_artifacts", "collections", "collection_projects", "rejects")
CURL = b"""
version: 7
name: curl
display_name: curl
description: A tool for URLs
websites:
  - url: https://curl.se
social:
  twitter:
    - url: https://twitter.com/curl
github:
  - url: https://github.com/curl
npm:
  - url: https://npm.example.org/package/@curl/curl
blockchain:
  - address: "0x9EBC8E61F87A301FF25A606D7C06150F856F24E2"
    networks: [optimism, base]
    tags: [eoa, wallet]
comments:
  - made in a test
"""
TOOLS = b"""
version: 7
name: tools
display_name: Tools
description: What people use
projects: [curl, wget, curl]
"""


def rows(config, streams=STREAMS, state=None):
    """The rows of each stream."""
    found = defaultdict(list)
    for each in OssDirectory().read(config, streams, state or {}):
        if isinstance(each, Record):
            found[each.stream].append(dict(each.data))
    return found


def checkout(folder, **projects):
    """A checkout that holds ``projects`` as given, each in its letter's folder."""
    for name, content in projects.items():
        path = folder / "data" / "projects" / name[0] / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {"path": str(folder)}


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def gzipped(files):
    return gzip.compress(tar(files))


@pytest.fixture
def closed_checkout() -> Iterator[Path]:
    """A checkout whose data this process may not read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        checkout(Path(folder), curl=CURL)
        (Path(folder) / "data" / "projects").chmod(0)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if is_root:
                os.seteuid(0)
            (Path(folder) / "data" / "projects").chmod(0o755)


def test_a_directory_becomes_rows(tmp_path):
    config = checkout(tmp_path, curl=CURL)
    (tmp_path / "data" / "collections").mkdir()
    (tmp_path / "data" / "collections" / "tools.yaml").write_bytes(TOOLS)

    found = rows(config)

    file = "data/projects/c/curl.yaml"
    one = {"project_name": "curl", "file": file}
    address = "0x9ebc8e61f87a301ff25a606d7c06150f856f24e2"
    assert found["projects"] == [
        {
            "name": "curl",
            "version": 7,
            "display_name": "curl",
            "description": "A tool for URLs",
            "websites": ["https://curl.se"],
            "social": '{"twitter":[{"url":"https://twitter.com/curl"}]}',
            "comments": ["made in a test"],
            "file": file,
        }
    ]
    listed = [
        ("GITHUB", "curl", "", "OWNER", "https://github.com/curl"),
        ("NPM", "@curl", "curl", "PACKAGE", "https://npm.example.org/package/@curl/curl"),
        ("WWW", "", "https://curl.se", "WEBSITE", "https://curl.se"),
        ("OPTIMISM", "", address, "EOA", None),
        ("OPTIMISM", "", address, "WALLET", None),
        ("BASE", "", address, "EOA", None),
        ("BASE", "", address, "WALLET", None),
    ]
    assert found["project_artifacts"] == [
        {
            **one,
            "artifact_source": source,
            "artifact_namespace": namespace,
            "artifact_name": name,
            "artifact_type": kind,
            "artifact_url": url,
        }
        for source, namespace, name, kind, url in listed
    ]
    assert found["collections"] == [
        {
            "name": "tools",
            "version": 7,
            "display_name": "Tools",
            "description": "What people use",
            "file": "data/collections/tools.yaml",
        }
    ]
    assert found["collection_projects"] == [
        {"collection_name": "tools", "project_name": name, "file": "data/collections/tools.yaml"}
        for name in ("curl", "wget")
    ]
    assert found["rejects"] == []


def test_what_is_no_yaml_is_passed_over(tmp_path):
    config = checkout(tmp_path, curl=CURL)
    (tmp_path / "data" / "projects" / "README.md").write_text("# Projects")

    assert rows(config)["rejects"] == []


def test_an_unchanged_directory_gives_its_state_and_nothing_else(tmp_path):
    config = checkout(tmp_path, curl=CURL)
    first = list(OssDirectory().read(config, STREAMS, {}))
    states = {each.stream: each.data for each in first if isinstance(each, State)}

    second = list(OssDirectory().read(config, STREAMS, states))

    assert sorted(states) == sorted(STREAMS)
    assert second == [State(name, states[name]) for name in STREAMS]


def test_a_changed_file_is_read_again(tmp_path):
    config = checkout(tmp_path, curl=CURL)
    first = list(OssDirectory().read(config, STREAMS, {}))
    states = {each.stream: each.data for each in first if isinstance(each, State)}
    checkout(tmp_path, wget=b"version: 7\nname: wget\n")

    found = rows(config, state=states)

    assert [each["name"] for each in found["projects"]] == ["curl", "wget"]


@pytest.mark.parametrize("prefix", ["", "oss-directory-main/"])
@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.zst", ".zip"])
def test_an_archive_gives_the_rows_of_its_checkout(tmp_path, suffix, prefix):
    files = {f"{prefix}data/projects/c/curl.yaml": CURL, f"{prefix}LICENSE": b"none"}
    archive = tmp_path / f"directory{suffix}"
    if suffix == ".tar.gz":
        archive.write_bytes(gzipped(files))
    elif suffix == ".tar.zst":
        archive.write_bytes(zstandard.compress(tar(files)))
    else:
        with zipfile.ZipFile(archive, "w") as out:
            for name, content in files.items():
                out.writestr(name, content)

    assert rows({"path": str(archive)}) == rows(checkout(tmp_path / "checkout", curl=CURL))


def test_of_several_archives_the_newest_by_name_is_read(tmp_path):
    for date, name in (("2024-02-01", b"old"), ("2026-08-08", b"new")):
        files = {"data/projects/n/x.yaml": b"version: 7\nname: " + name}
        (tmp_path / f"directory-{date}.tar.gz").write_bytes(gzipped(files))
    (tmp_path / "directory-schema-v7.tar.gz").write_bytes(gzipped({"schema.json": b"{}"}))

    assert [each["name"] for each in rows({"path": str(tmp_path)})["projects"]] == ["new"]


def test_a_cut_archive_is_one_clear_line(tmp_path):
    archive = tmp_path / "directory.tar.gz"
    whole = gzipped({"data/projects/c/curl.yaml": CURL, "data/more": os.urandom(100_000)})
    archive.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ConfigFailure, match=r"directory\.tar\.gz: is no whole archive: [^\n]+$"):
        rows({"path": str(archive)})


def test_a_page_instead_of_an_archive_is_one_clear_line(tmp_path):
    archive = tmp_path / "directory.tar.gz"
    archive.write_text("<!doctype html><title>Sign in</title>")

    with pytest.raises(ConfigFailure, match=r"directory\.tar\.gz: is no whole archive: [^\n]+$"):
        rows({"path": str(archive)})


def test_an_empty_folder_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigFailure, match=r"holds neither data/projects nor an archive"):
        OssDirectory().check({"path": str(tmp_path)})


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigFailure, match=r"there is no such file or folder"):
        OssDirectory().check({"path": str(tmp_path / "absent")})


def test_a_folder_that_may_not_be_read_is_one_clear_line(closed_checkout):
    with pytest.raises(ConfigFailure, match=r"projects: [Pp]ermission denied|cannot be read"):
        OssDirectory().check({"path": str(closed_checkout)})


def test_a_public_repository_is_fetched_as_its_archive(tmp_path, website):
    files = {"directory-main/data/projects/c/curl.yaml": CURL}
    website.files["/a/directory/archive/refs/heads/main.tar.gz"] = gzipped(files)
    config = {"url": f"{website.address}/a/directory/", "cache": str(tmp_path / "cache")}

    assert rows(config) == rows(checkout(tmp_path / "checkout", curl=CURL))


def test_a_branch_that_moved_is_fetched_again(tmp_path, website):
    config = {"url": f"{website.address}/a", "branch": "next", "cache": str(tmp_path / "cache")}
    path = "/a/archive/refs/heads/next.tar.gz"
    website.files[path] = gzipped({"x/data/projects/c/curl.yaml": CURL})
    rows(config)
    website.files[path] = gzipped({"x/data/projects/w/wget.yaml": b"version: 7\nname: wget"})

    assert [each["name"] for each in rows(config)["projects"]] == ["wget"]


def test_a_repository_without_an_archive_is_one_clear_line(tmp_path, website):
    with pytest.raises(ConfigFailure, match="the server has no such archive"):
        rows({"url": f"{website.address}/absent", "cache": str(tmp_path)})
