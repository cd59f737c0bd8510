"""The collector of registries, against a server that answers as npm, PyPI and crates.io do."""

from __future__ import annotations

import json
from collections import defaultdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oso_processors.collectors.download import Client
from oso_processors.collectors.registries import Registries
from oso_processors.collectors.source import Log, Record, State
from oso_processors.errors import ConfigFailure, TransientFailure

STREAMS = ("packages", "dependencies", "owners", "gaps", "rejects")
NPM = {
    "name": "@a/b",
    "maintainers": [{"name": "ana", "email": "ana@example.org"}],
    "time": {
        "created": "2024-01-01T00:00:00.000Z",
        "1.0.0": "2024-01-02T00:00:00.000Z",
        "1.0.1": "2024-01-20T00:00:00.000Z",
        "2.0.0-rc.1": "2024-02-02T00:00:00.000Z",
    },
    "repository": {"type": "git", "url": "git+https://github.com/a/b.git"},
    "versions": {
        "1.0.0": {"license": "MIT", "dependencies": {"never-asked": "^1"}},
        "1.0.1": {
            "license": {"type": "MIT"},
            "dependencies": {"c": "^1", "fsevents": "^2"},
            "optionalDependencies": {"fsevents": "^2"},
            "devDependencies": {"mocha": "*"},
        },
        "2.0.0-rc.1": {"license": "MIT", "dependencies": {"d": "1"}},
    },
}
PYPI = {
    "info": {
        "license_expression": "Apache-2.0",
        "project_urls": {"Docs": "https://docs.example.org", "Code": "https://github.com/a/eth"},
    },
    "ownership": {"roles": [{"role": "Owner", "user": "bo"}]},
    "releases": {
        "1.0": [
            {
                "upload_time_iso_8601": "2024-01-02T00:00:00Z",
                "yanked": False,
                "requires_python": ">=3.9",
            }
        ],
        "1.1": [{"upload_time_iso_8601": "2024-02-02T00:00:00Z", "yanked": True}],
        "2.0b1": [{"upload_time_iso_8601": "2024-03-02T00:00:00Z", "yanked": False}],
        "0.1": [],
    },
}
REQUIRES = [
    "Requests[socks] (>=2,<3) ; python_version < '4'",
    'pytest>=8; extra == "dev"',
    "six",
    "@@@",
]
CRATES = {
    "crate": {"repository": "https://github.com/a/crate"},
    "versions": [
        {"num": "0.2.0", "created_at": "2024-02-02T00:00:00Z", "yanked": True, "license": "MIT"},
        {"num": "0.1.0", "created_at": "2024-01-02T00:00:00Z", "yanked": False, "license": "MIT"},
    ],
}
NEEDS = {
    "dependencies": [
        {"crate_id": "serde", "req": "^1", "kind": "normal", "optional": False, "target": None},
        {"crate_id": "rand", "req": "^0.8", "kind": "normal", "optional": True, "target": None},
        {"crate_id": "cc", "req": "^1", "kind": "build", "optional": False, "target": "cfg(unix)"},
    ]
}
ANSWERS = {
    "/npm/@a%2Fb": NPM,
    "/pypi/pypi/eth-abi/json": PYPI,
    "/pypi/pypi/eth-abi/1.0/json": {"info": {"requires_dist": REQUIRES}},
    "/crates/api/v1/crates/tool": CRATES,
    "/crates/api/v1/crates/tool/0.1.0/dependencies": NEEDS,
    "/crates/api/v1/crates/tool/owners": {"users": [{"login": "cy"}]},
}
ALL = [("NPM", "@a/b"), ("PYPI", "Eth_Abi"), ("CRATES", "tool")]


@pytest.fixture
def config(website, tmp_path):
    """Settings that read packages from a server that knows three."""
    for path, answer in ANSWERS.items():
        website.files[path] = json.dumps(answer).encode()

    def make(*packages, **more):
        return {
            "packages": [{"registry": registry, "name": name} for registry, name in packages],
            "urls": {key: f"{website.address}/{key.lower()}" for key in ("NPM", "PYPI", "CRATES")},
            "pause": 0,
            "cache": str(tmp_path / "cache"),
            **more,
        }

    return make


def read(config, state=None):
    source = Registries(Client(attempts=3, backoff=0.01, timeout=5))
    return list(source.read(config, STREAMS, state or {}))


def rows(messages):
    """The rows of each stream, each without what is null."""
    found = defaultdict(list)
    for each in messages:
        if isinstance(each, Record):
            row = {key: value for key, value in each.data.items() if value is not None}
            found[each.stream].append(row)
    return found


def states(messages):
    return {each.stream: each.data for each in messages if isinstance(each, State)}


def needs(found):
    return [
        (each["version"], each["dependency"], each["kind"], each.get("spec"), each.get("marker"))
        for each in found["dependencies"]
    ]


def test_a_package_of_npm_is_its_versions_dependencies_and_owners(config):
    found = rows(read(config(("NPM", "@a/b"))))

    one = {
        "registry": "NPM",
        "name": "@a/b",
        "license": "MIT",
        "repository": "git+https://github.com/a/b.git",
        "is_yanked": False,
    }
    days = {"1.0.0": "2024-01-02", "1.0.1": "2024-01-20", "2.0.0-rc.1": "2024-02-02"}
    assert found["packages"] == [
        {
            **one,
            "version": version,
            "released_at": f"{day}T00:00:00.000Z",
            "is_prerelease": "rc" in version,
        }
        for version, day in days.items()
    ]
    # Only of the newest version of the month; what is optional is not needed.
    assert needs(found) == [
        ("1.0.1", "fsevents", "optional", "^2", None),
        ("1.0.1", "c", "runtime", "^1", None),
        ("1.0.1", "mocha", "dev", "*", None),
    ]
    assert found["owners"] == [{"registry": "NPM", "name": "@a/b", "owner": "ana"}]


def test_a_package_of_pypi_is_asked_for_by_its_normal_name(config):
    found = rows(read(config(("PYPI", "Eth_Abi"))))

    assert [
        (each["version"], each.get("released_at"), each["is_yanked"], each["is_prerelease"])
        for each in found["packages"]
    ] == [
        ("1.0", "2024-01-02T00:00:00Z", False, False),
        ("1.1", "2024-02-02T00:00:00Z", True, False),
        ("2.0b1", "2024-03-02T00:00:00Z", False, True),
        ("0.1", None, True, False),
    ]
    assert {each["repository"] for each in found["packages"]} == {"https://github.com/a/eth"}
    assert needs(found) == [
        ("1.0", "requests", "runtime", ">=2,<3", "python_version < '4'"),
        ("1.0", "pytest", "extra", ">=8", 'extra == "dev"'),
        ("1.0", "six", "runtime", None, None),
    ]
    assert found["rejects"] == [
        {"file": "PYPI/eth-abi", "place": "1.0", "reason": "is no requirement", "value": "@@@"}
    ]
    assert found["owners"] == [{"registry": "PYPI", "name": "eth-abi", "owner": "bo"}]


def test_a_crate_is_its_versions_dependencies_and_owners(config):
    found = rows(read(config(("CRATES", "tool"))))

    assert [(each["version"], each["is_yanked"]) for each in found["packages"]] == [
        ("0.2.0", True),
        ("0.1.0", False),
    ]
    assert needs(found) == [
        ("0.1.0", "serde", "runtime", "^1", None),
        ("0.1.0", "rand", "optional", "^0.8", None),
        ("0.1.0", "cc", "build", "^1", "cfg(unix)"),
    ]
    assert found["owners"] == [{"registry": "CRATES", "name": "tool", "owner": "cy"}]


def test_a_registry_that_asks_to_wait_is_waited_for(config, website, fault):
    website.faults["/npm/@a%2Fb"] = [fault(503), fault(429, {"Retry-After": "0"}), fault(cut=40)]

    found = rows(read(config(("NPM", "@a/b"), ("CRATES", "tool"))))

    assert {each["name"] for each in found["packages"]} == {"tool"}
    website.faults["/npm/@a%2Fb"] = [fault(503), fault(429, {"Retry-After": "0"})]
    assert len(rows(read(config(("NPM", "@a/b"))))["packages"]) == 3
    assert {headers["User-Agent"] for _, _, headers in website.requests} == {"oso-processors"}


def test_what_is_missing_or_broken_is_a_gap_and_the_others_go_on(config, website):
    website.files["/npm/broken"] = b"<html>"

    messages = read(config(("NPM", "absent"), ("NPM", "broken"), ("CRATES", "tool")))

    found = rows(messages)
    assert {each["name"] for each in found["packages"]} == {"tool"}
    assert [(each["reason"], each["detail"].partition(":")[0]) for each in found["gaps"]] == [
        ("missing", "NPM/absent"),
        ("unreadable", "NPM/broken"),
    ]
    assert [each.level for each in messages if isinstance(each, Log)] == ["WARN"]
    # What is broken is tried again, what is missing is not.
    assert sorted(states(messages)["packages"]) == ["CRATES/tool", "NPM/absent"]


def test_when_nothing_can_be_read_the_run_fails(config, website):
    website.files["/npm/broken"] = b"<html>"

    with pytest.raises(TransientFailure, match="none of 1 packages could be read"):
        read(config(("NPM", "broken")))


def test_a_package_is_not_asked_for_again_before_it_is_due(config, website):
    first = read(config(*ALL))
    website.requests.clear()

    second = read(config(*ALL), states(first))

    assert rows(second) == {}
    assert website.requests == []


def test_what_never_changes_is_asked_for_once(config, website):
    first = read(config(("CRATES", "tool"), days=0))
    read(config(("CRATES", "tool"), days=0), states(first))

    paths = [path for _, path, _ in website.requests]
    assert paths.count("/crates/api/v1/crates/tool/0.1.0/dependencies") == 1
    assert paths.count("/crates/api/v1/crates/tool") == 2


def test_a_cut_run_goes_on_after_what_was_settled(config, website, monkeypatch):
    monkeypatch.setattr("oso_processors.collectors.registries.SETTLED_AT_ONCE", 1)
    source = Registries(Client(attempts=1))
    messages = []
    for each in source.read(config(*ALL), STREAMS, {}):
        messages.append(each)
        if isinstance(each, State) and each.stream == STREAMS[-1]:
            break
    website.requests.clear()

    found = rows(read(config(*ALL), states(messages)))

    assert {each["name"] for each in found["packages"]} == {"@a/b", "eth-abi"}


def test_the_packages_of_a_directory_are_read(config, website, tmp_path):
    path = tmp_path / "data" / "projects" / "t" / "tools.yaml"
    path.parent.mkdir(parents=True)
    urls = {"npm": "https://www.npmjs.com/package/@a/b", "pypi": "https://pypi.org/project/Eth_Abi"}
    listed = "".join(f"{key}:\n  - url: '{url}'\n" for key, url in urls.items())
    path.write_text(f"version: 7\nname: tools\n{listed}")

    found = rows(read(config(directory=str(tmp_path))))

    assert {(each["registry"], each["name"]) for each in found["packages"]} == {
        ("NPM", "@a/b"),
        ("PYPI", "eth-abi"),
    }


@pytest.fixture
def folder(tmp_path):
    """A folder of Parquet as it is handed over, with two rows that are no packages."""
    packages = [
        {
            "registry": "PYPI",
            "name": "Eth_Abi",
            "version": "6.0.0",
            "latest_release_month": "2024-02",
        },
        {"registry": "NPM", "name": "@a/b", "version": "1.0.0-rc.1", "latest_release_month": None},
        {"registry": "NPM", "name": None, "version": "1.0.0", "latest_release_month": None},
        {"registry": "ELSEWHERE", "name": "x", "version": "1", "latest_release_month": None},
    ]
    needed = [
        {
            "registry": "PYPI",
            "name": "Eth_Abi",
            "version": "6.0.0",
            "dependency": "Six",
            "kind": "runtime",
        }
    ]
    pq.write_table(pa.Table.from_pylist(packages), tmp_path / "packages.parquet")
    pq.write_table(pa.Table.from_pylist(needed), tmp_path / "dependencies.parquet")
    return tmp_path


def test_parquet_gives_the_same_rows(folder):
    found = rows(read({"folder": str(folder)}))

    assert found["packages"] == [
        {
            "registry": "PYPI",
            "name": "eth-abi",
            "version": "6.0.0",
            # Of the month only its end is sure.
            "released_at": "2024-02-29T00:00:00+00:00",
            "is_yanked": False,
            "is_prerelease": False,
        },
        {
            "registry": "NPM",
            "name": "@a/b",
            "version": "1.0.0-rc.1",
            "is_yanked": False,
            "is_prerelease": True,
        },
    ]
    assert needs(found) == [("6.0.0", "six", "runtime", None, None)]
    assert [(each["place"], each["reason"]) for each in found["rejects"]] == [
        ("row 3", "has no name"),
        ("row 4", "is of no registry that we know"),
    ]


def test_unchanged_parquet_gives_its_state_and_nothing_else(folder):
    first = read({"folder": str(folder)})

    assert rows(read({"folder": str(folder)}, states(first))) == {}


BAD = {
    "nothing to read": ({}, "give packages, a directory that lists some, or a folder"),
    "a folder without Parquet": ({"folder": "/nowhere"}, r"'/nowhere': holds no packages\.parquet"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_settings_are_one_clear_line(what):
    config, words = BAD[what]

    with pytest.raises(ConfigFailure, match=words):
        Registries().check(config)
