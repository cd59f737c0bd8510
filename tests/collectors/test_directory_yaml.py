"""The entries of an oss-directory: every spelling one artifact, every bad entry set aside."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from oso_processors.collectors.oss_directory import OssDirectory
from oso_processors.collectors.source import Record

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


def rejected(folder, content):
    """What is set aside of a directory whose only project is ``content``: place, reason, value."""
    found = rows(checkout(folder, thing=content))
    return [(each["place"], each["reason"], each["value"]) for each in found["rejects"]]


def artifacts(folder, content):
    """What a project lists, as source, namespace, name and type."""
    return [
        tuple(each[f"artifact_{part}"] for part in ("source", "namespace", "name", "type"))
        for each in rows(checkout(folder, thing=content))["project_artifacts"]
    ]


def listing(key, *urls):
    return (
        b"version: 7\nname: thing\n"
        + json.dumps({key: [{"url": url} for url in urls]}).strip("{}").encode()
    )


def test_a_slug_of_schema_3_is_the_name_and_its_name_is_the_display_name(tmp_path):
    content = b"version: 3\nslug: thing\nname: The Thing\n"

    (project,) = rows(checkout(tmp_path, thing=content))["projects"]

    assert (project["name"], project["display_name"], project["version"]) == (
        "thing",
        "The Thing",
        3,
    )


@pytest.mark.parametrize(("version", "network"), [(3, "arbitrum"), (5, "arbitrum-one")])
def test_a_network_is_named_as_in_schema_7(tmp_path, version, network):
    address = "0x" + "1" * 40
    content = (
        f"version: {version}\nname: thing\nblockchain:\n"
        f'  - {{address: "{address}", networks: [{network}], tags: [eoa]}}\n'
    )

    assert artifacts(tmp_path, content.encode()) == [("ARBITRUM_ONE", "", address, "EOA")]


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/Curl/Curl",
        "http://www.github.com/curl/curl/",
        "https://GitHub.com/curl/curl.git",
        " https://github.com/curl/curl ",
    ],
)
def test_every_spelling_of_a_repository_is_one_artifact(tmp_path, url):
    content = listing("github", "https://github.com/curl/curl", url)

    assert artifacts(tmp_path, content) == [("GITHUB", "curl", "curl", "REPOSITORY")]


def test_packages_are_known_by_their_registries(tmp_path):
    content = b"\n".join(
        (
            listing("npm", "https://npm.example.org/package/left-pad"),
            *(
                listing(key, url).split(b"\n", 2)[2]
                for key, url in (
                    ("pypi", "https://pypi.example.org/project/eip712"),
                    ("crates", "https://crates.example.org/crates/alloy"),
                    ("go", "https://github.com/supranational/blst"),
                    ("open_collective", "https://opencollective.com/babel"),
                    ("defillama", "https://defillama.com/protocol/dinero-(pxeth)"),
                )
            ),
        )
    )

    assert sorted(artifacts(tmp_path, content)) == [
        ("CRATES", "", "alloy", "PACKAGE"),
        ("DEFILLAMA", "", "dinero-(pxeth)", "PROTOCOL"),
        ("GO", "github.com", "supranational/blst", "PACKAGE"),
        ("NPM", "", "left-pad", "PACKAGE"),
        ("OPEN_COLLECTIVE", "", "babel", "ACCOUNT"),
        ("PYPI", "", "eip712", "PACKAGE"),
    ]


@pytest.mark.parametrize(
    ("key", "url", "reason"),
    [
        ("github", "https://github.com/a/b/tree/main", "is no repository or owner on GitHub"),
        ("github", "https://gitlab.com/a/b", "is no repository or owner on GitHub"),
        ("github", "https://ophis-fi", "is no repository or owner on GitHub"),
        ("crates", "https://npm.example.org/package/@a/b", "is no crates URL"),
        ("websites", "https:/one-slash.org", "is no website"),
    ],
)
def test_a_wrong_url_is_set_aside_and_its_project_stays(tmp_path, key, url, reason):
    content = listing(key, url) + b"\nnpm: [{url: https://www.npmjs.com/package/kept}]\n"

    assert rejected(tmp_path, content) == [(f"{key}[0].url", reason, url)]
    assert ("NPM", "", "kept", "PACKAGE") in artifacts(tmp_path, content)


def test_a_url_that_cannot_be_parsed_is_set_aside(tmp_path):
    content = listing("github", "https://[broken/x")

    assert [place for place, _, _ in rejected(tmp_path, content)] == ["github[0].url"]


def test_an_organisations_page_is_its_owner(tmp_path):
    content = listing("github", "https://github.com/orgs/coinhook")

    assert artifacts(tmp_path, content) == [("GITHUB", "coinhook", "", "OWNER")]


@pytest.mark.parametrize(
    "content",
    [
        b"github: https://github.com/a/b",
        b"blockchain: [0x1]",
        b"github: {url: https://github.com/a/b}",
    ],
)
def test_a_field_of_the_wrong_shape_is_set_aside(tmp_path, content):
    assert len(rejected(tmp_path, b"version: 7\nname: thing\n" + content)) == 1


@pytest.mark.parametrize(
    ("address", "reason", "is_kept"),
    [
        ("0x69522fb5337663d3B4dFB0030b881c1A750Adb4", "is no address", False),
        ("", "is no address", False),
        ("0x" + "A" * 40 + " ", "kept without the spaces around it", True),
    ],
)
def test_a_bad_address_is_set_aside_or_mended(tmp_path, address, reason, is_kept):
    entry = f'[{{address: "{address}", networks: [base], tags: [contract]}}]'
    content = f"version: 7\nname: thing\nblockchain: {entry}\n".encode()

    assert rejected(tmp_path, content) == [("blockchain[0].address", reason, address)]
    assert artifacts(tmp_path, content) == (
        [("BASE", "", "0x" + "a" * 40, "CONTRACT")] if is_kept else []
    )


def test_an_address_that_looks_like_a_number_stays_as_it_was_written(tmp_path):
    address = "0x" + "12" * 20
    entry = f"[{{address: {address}, networks: [base], tags: [eoa]}}]"
    content = f"version: 7\nname: thing\nblockchain: {entry}\n".encode()

    assert artifacts(tmp_path, content) == [("BASE", "", address, "EOA")]


@pytest.mark.parametrize(
    ("content", "place", "reason"),
    [
        (b"name: thing\nname: other", "line 2", "the key 'name' stands twice"),
        (
            b"name: thing\ngithub:\n  - {url: a, url: b}",
            "line 3",
            "the key 'url' stands twice",
        ),
        (
            b"name: !!python/object/apply:os.system [id]",
            "line 1",
            "the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not known",
        ),
        (b"name: &a thing\nother: *a", "line 1", "an alias stands for what is here"),
        (b"name: &a [*a]", "line 1", "an alias stands for what is here"),
        (b"name: " + b"[" * 100_000, "line 1", "not YAML: exceeded maximum nesting depth"),
        (b"name: a: b", "line 1", "not YAML: mapping values are not allowed in this context"),
        (b"name: thing\n--- other", "line 2", "not YAML: but found another document"),
        (b"name: " + b"x" * 2**20, "the whole file", "larger than 1 MB"),
        (b"", "name", "has no name"),
        (b"- thing", "name", "has no name"),
        (b"version: 7", "name", "has no name"),
    ],
)
def test_a_file_that_may_do_harm_is_set_aside_with_its_line(tmp_path, content, place, reason):
    found = rows(checkout(tmp_path, thing=content, curl=CURL))

    assert [each["name"] for each in found["projects"]] == ["curl"]
    assert found["rejects"] == [
        {"file": "data/projects/t/thing.yaml", "place": place, "reason": reason, "value": ""}
    ]


@pytest.mark.parametrize("content", [b"name: \xff", b"name: \0", b"\xff\xfe\0", b'name: "\\ud800"'])
def test_text_that_is_no_text_is_set_aside(tmp_path, content):
    found = rows(checkout(tmp_path, thing=content))

    assert [each["file"] for each in found["rejects"]] == ["data/projects/t/thing.yaml"]


def test_a_bomb_of_aliases_costs_nothing(tmp_path):
    lines = [b"a0: &a0 [x, x]"]
    lines += [b"a%d: &a%d [*a%d, *a%d]" % (n, n, n - 1, n - 1) for n in range(1, 60)]

    found = rows(checkout(tmp_path, thing=b"name: thing\n" + b"\n".join(lines)))

    assert [each["reason"] for each in found["rejects"]] == ["an alias stands for what is here"]


def test_a_file_in_the_wrong_folder_is_kept_and_named(tmp_path):
    folder = tmp_path / "data" / "projects" / "x"
    folder.mkdir(parents=True)
    (folder / "curl.yaml").write_bytes(CURL)

    found = rows({"path": str(tmp_path)})

    assert [each["name"] for each in found["projects"]] == ["curl"]
    assert found["rejects"] == [
        {
            "file": "data/projects/x/curl.yaml",
            "place": "the path",
            "reason": "kept, though in another letter",
            "value": "curl",
        }
    ]


def test_of_two_projects_with_one_name_the_first_is_kept(tmp_path):
    config = checkout(tmp_path, curl=CURL, xcurl=CURL.replace(b"name: curl", b"name: CURL"))

    found = rows(config)

    assert [each["file"] for each in found["projects"]] == ["data/projects/c/curl.yaml"]
    assert [(each["file"], each["reason"]) for each in found["rejects"]] == [
        ("data/projects/x/xcurl.yaml", "stands in data/projects/c/curl.yaml too; left out here")
    ]
