"""The collector of graphs of dependencies reads both shapes of file, and names what is no edge."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oso_processors.collectors.dependency_graph import DependencyGraph
from oso_processors.collectors.source import Record, State
from oso_processors.errors import ConfigFailure

STREAMS = ("repository_packages", "rejects")


def read(folder, state=None):
    return list(DependencyGraph().read({"folder": str(folder)}, STREAMS, state or {}))


def rows(messages):
    return [(each.stream, dict(each.data)) for each in messages if isinstance(each, Record)]


def write(folder, name, *found):
    pq.write_table(pa.Table.from_pylist(list(found)), folder / name)


BILL = {
    "repo_owner": "a",
    "repo_name": "a/b",
    "package_artifact_name": "Eth_Abi",
    "package_artifact_source": "PIP",
}
EDGE = {
    "seed_repo_name": "a/b",
    "seed_repo_owner": "a",
    "package_name": "serde",
    "package_repo_owner": "serde-rs",
    "package_repo_name": "serde-rs/serde",
    "package_source": "RUST",
    "package_repo_owner_is_on_oso": True,
}


def test_both_shapes_give_rows_with_the_registries_names(tmp_path):
    write(tmp_path, "a_sbom.parquet", BILL, {**BILL, "repo_name": "no-owner"})
    write(tmp_path, "b_graph.parquet", EDGE)

    found = rows(read(tmp_path))

    (stream, bill), (_, reject), (_, edge) = found
    assert (stream, bill) == (
        "repository_packages",
        {
            "repo": "a/b",
            "package_source": "PYPI",
            "package_name": "eth-abi",
            "file": "a_sbom.parquet",
        },
    )
    assert (reject["file"], reject["place"], reject["reason"]) == (
        "a_sbom.parquet",
        "row 2",
        "names no edge",
    )
    assert edge == {
        "repo": "a/b",
        "package_source": "CRATES",
        "package_name": "serde",
        "package_repo": "serde-rs/serde",
        "file": "b_graph.parquet",
    }


def test_unchanged_files_give_their_state_and_nothing_else(tmp_path):
    write(tmp_path, "a_sbom.parquet", BILL)
    states = {each.stream: each.data for each in read(tmp_path) if isinstance(each, State)}

    assert rows(read(tmp_path, states)) == []


def test_a_file_of_another_shape_is_one_clear_line(tmp_path):
    write(tmp_path, "a.parquet", {"x": 1})

    with pytest.raises(ConfigFailure, match=r"a\.parquet: has the columns of no graph"):
        read(tmp_path)


def test_the_real_graph_has_what_is_known_of_it(shared):
    found = [row for stream, row in rows(read(shared / "dependency-graph"))]

    edges = {(each["repo"], each["package_source"], each["package_name"]) for each in found}
    assert (len(found), len(edges)) == (27_612, 13_806)
    assert len({repo for repo, _, _ in edges}) == 18
