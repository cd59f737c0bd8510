"""Open Dev Data's migrations are replayed to what its own export says of a day."""

from __future__ import annotations

from collections import defaultdict

import duckdb
import pytest

from oso_processors.collectors.open_dev_data import OpenDevData
from oso_processors.collectors.source import Record, State
from oso_processors.collectors.taxonomy import Impossible, Taxonomy
from oso_processors.errors import ConfigFailure

STREAMS = ("ecosystems", "branches", "repositories", "rejects")
MIGRATIONS = {
    "2024-01-31T235959_first": """\
# what there is
ecoadd Bitcoin
ecoadd "Lightning Network"
ecocon Bitcoin "Lightning Network"
repadd "Lightning Network" https://github.com/Owner/Node.git #client #node

repadd Bitcoin https://gitlab.example.org/a/b
""",
    "2024-02-29T235959_second": "repadd Bitcoin https://github.com/o/late\nrepadd Nowhere u\n",
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "migrations").mkdir()
    for name, text in MIGRATIONS.items():
        (tmp_path / "migrations" / name).write_text(text)
    return tmp_path


def read(config, state=None):
    return list(OpenDevData().read(config, STREAMS, state or {}))


def rows(messages):
    """The rows of each stream, as lists of their values."""
    found = defaultdict(list)
    for each in messages:
        if isinstance(each, Record):
            found[each.stream].append(tuple(each.data.values()))
    return found


def replayed(*lines):
    taxonomy = Taxonomy()
    for line in lines:
        taxonomy.replay(line)
    return taxonomy


def test_migrations_become_ecosystems_branches_and_repositories(folder):
    found = rows(read({"path": str(folder)}))

    assert found["ecosystems"] == [("Bitcoin",), ("Lightning Network",)]
    assert found["branches"] == [
        ("Bitcoin", "Bitcoin", "Bitcoin", 0),
        ("Bitcoin", "Bitcoin > Lightning Network", "Lightning Network", 1),
        ("Lightning Network", "Lightning Network", "Lightning Network", 0),
    ]
    node = "https://github.com/Owner/Node.git"
    assert found["repositories"] == [
        ("Bitcoin", "https://gitlab.example.org/a/b", None, None),
        ("Bitcoin", "https://github.com/o/late", "o/late", None),
        ("Lightning Network", node, "owner/node", "client node"),
    ]
    assert found["rejects"] == [
        (
            "migrations/2024-02-29T235959_second",
            "line 2",
            "there is no ecosystem 'Nowhere'",
            "repadd Nowhere u",
        )
    ]


def test_the_taxonomy_of_a_day_is_what_came_before_it(folder):
    found = rows(read({"path": str(folder), "end": "2024-02-29"}))

    assert [url for _, url, *_ in found["repositories"]] == [
        "https://gitlab.example.org/a/b",
        "https://github.com/Owner/Node.git",
    ]


def test_an_unchanged_taxonomy_gives_its_state_and_nothing_else(folder):
    config = {"path": str(folder)}
    states = {each.stream: each.data for each in read(config) if isinstance(each, State)}

    assert rows(read(config, states)) == {}
    assert rows(read({**config, "end": "2024-02-01"}, states)) != {}


def test_ecosystems_are_renamed_taken_apart_and_removed():
    taxonomy = replayed(
        "ecoadd A",
        'ecoadd "B C"',
        "ecoadd D",
        'ecocon A "B C"',
        "ecocon A D",
        'repadd "B C" u #x',
        'ecomov "B C" E',
        "ecodis A D",
        "ecorem D",
    )

    assert taxonomy.children == {"A": {"E": None}, "E": {}}
    assert taxonomy.repositories == {"A": {}, "E": {"u": ["x"]}}


def test_repositories_move_and_go():
    taxonomy = replayed(
        "ecoadd A", "ecoadd B", "repadd A u", "repadd B u #t", "repmov u v", "reprem A v"
    )

    assert taxonomy.repositories == {"A": {}, "B": {"v": ["t"]}}


def test_an_ecosystem_that_holds_itself_is_followed_once():
    taxonomy = replayed("ecoadd A", "ecoadd B", "ecocon A B", "ecocon B A")

    assert list(taxonomy.branches("A")) == [("A",), ("A", "B")]


IMPOSSIBLE = {
    "ecofly A": "'ecofly' is no command that we know",
    "ecocon A": "ecocon has 1 words",
    "ecocon A X": "there is no ecosystem 'X'",
    "ecodis A B": "'B' is not in 'A'",
    "ecomov A B": "there is an ecosystem 'B' already",
    "reprem A u": "'u' is not in 'A'",
    "repmov u v": "'u' is in no ecosystem",
}


@pytest.mark.parametrize("line", IMPOSSIBLE)
def test_what_cannot_be_carried_out_says_why(line):
    with pytest.raises(Impossible) as caught:
        replayed("ecoadd A", "ecoadd B", line)

    assert str(caught.value) == IMPOSSIBLE[line]


def test_a_folder_without_migrations_is_one_clear_line(tmp_path):
    (tmp_path / "migrations").mkdir()

    with pytest.raises(ConfigFailure, match="holds no migrations; is it Open Dev Data"):
        OpenDevData().check({"path": str(tmp_path)})


def test_the_sample_tells_of_what_cannot_be_carried_out(sample):
    found = rows(read({"path": str(sample / "open-dev-data")}))

    assert [reason for _, _, reason, _ in found["rejects"]] == [
        "there is no ecosystem 'Nowhere'",
        "'reposition' is no command that we know",
    ]
    assert ("Gamma Stack",) in found["ecosystems"]


def test_the_real_taxonomy_is_that_of_its_own_export(shared):
    found = rows(read({"path": str(shared / "open-dev-data"), "end": "2023-12-31"}))

    listed = defaultdict(list)
    for ecosystem, url, *_ in found["repositories"]:
        listed[ecosystem].append(url)
    values = {}
    for ecosystem in listed.keys() | {each[0] for each in found["branches"]}:
        values[ecosystem] = [0, set(), len(listed[ecosystem]), 0, 0]
    for ecosystem, _, leaf, depth in found["branches"]:
        if listed[leaf]:
            value = values[ecosystem]
            value[0] += len(listed[leaf])
            value[1].update(listed[leaf])
            value[3:] = value[3] + 1, max(value[4], depth)
    path = shared / "examples" / "odd_ecosystems_2023-12-31.parquet"
    wanted = {name: tuple(rest) for name, *rest in duckdb.sql(f"FROM '{path}'").fetchall()}
    assert {
        name: (rows_, len(urls), *rest) for name, (rows_, urls, *rest) in values.items() if rows_
    } == wanted
    assert found["rejects"] == []
