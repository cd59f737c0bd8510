"""The real oss-directory, where it is there, holds what is known of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from oso_processors.collectors.oss_directory import OssDirectory
from oso_processors.collectors.source import Record

REAL = Path(__file__).parents[3] / "shared" / "data" / "oss-directory"
STREAMS = ("projects", "project_artifacts", "collections", "collection_projects", "rejects")
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not there")


def rows(config, streams=STREAMS, state=None):
    """The rows of each stream."""
    found = defaultdict(list)
    for each in OssDirectory().read(config, streams, state or {}):
        if isinstance(each, Record):
            found[each.stream].append(dict(each.data))
    return found


@pytest.fixture(scope="module")
def real():
    """The rows of the real directory of 2026-08-08."""
    return rows({"path": str(REAL)})


def test_the_real_directory_has_what_is_known_of_it(real):
    names = {each["name"] for each in real["projects"]}
    members = {each["project_name"] for each in real["collection_projects"]}
    files = {each["file"] for each in real["rejects"]}
    with_rejects = {each["name"] for each in real["projects"] if each["file"] in files}
    with_artifacts = {
        each["project_name"]
        for each in real["project_artifacts"]
        if each["artifact_source"] != "WWW"
    }

    assert len(real["projects"]) == 7112
    assert len(real["collections"]) == 117
    assert len(names - members) == 2456
    # Websites aside; a few more list nothing but what was set aside.
    assert len(names - with_artifacts - with_rejects) == 567
    # 9,553 memberships are written, of which 5 stand twice.
    assert len(real["collection_projects"]) == 9548


def test_the_real_owners_and_addresses_of_two_projects_are_found(real):
    listing_projects = defaultdict(set)
    for each in real["project_artifacts"]:
        key = (each["artifact_source"], each["artifact_namespace"], each["artifact_name"])
        listing_projects[key].add(each["project_name"])
    owners = {
        key[1]: projects
        for key, projects in listing_projects.items()
        if key[0] == "GITHUB" and not key[2]
    }
    foreign = [
        key
        for key, projects in listing_projects.items()
        if key[0] == "GITHUB" and key[2] and owners.get(key[1]) and owners[key[1]] - projects
    ]
    addresses = [
        key
        for key, projects in listing_projects.items()
        if key[2].startswith("0x") and key[0] not in ("NPM", "WWW") and len(projects) > 1
    ]

    assert [len(projects) for projects in owners.values() if len(projects) > 1] == [2]
    assert len(foreign) == 79
    assert len(addresses) == 9


def test_the_real_dirt_is_set_aside_with_its_reason(real):
    reasons = Counter(each["reason"] for each in real["rejects"])

    assert reasons["is no repository or owner on GitHub"] == 4
    assert reasons["is no crates URL"] == 1
    assert reasons["kept, though in another letter"] == 3
    assert reasons["is no address"] + reasons["kept without the spaces around it"] == 5
    assert all(each["file"] and each["place"] for each in real["rejects"])


def test_no_artifact_of_the_real_directory_stands_twice_in_a_project(real):
    keys = Counter(
        tuple(value for key, value in each.items() if key not in ("artifact_url", "file"))
        for each in real["project_artifacts"]
    )

    assert [key for key, count in keys.items() if count > 1] == []


def test_the_real_directory_of_schema_3_is_read_too():
    found = rows({"path": str(REAL / "oss-directory-2024-02-01.tar.zst")})

    assert len(found["projects"]) == 1878
    assert {each["version"] for each in found["projects"]} == {3}
    assert len(found["collections"]) == 21
