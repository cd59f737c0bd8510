"""Git histories that come as Parquet, by file and by record."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from oso_processors.collectors.connector import Connector
from oso_processors.collectors.git_history import GitHistory
from oso_processors.collectors.lander import collect
from oso_processors.collectors.source import File, State
from oso_processors.errors import ConfigFailure
from oso_processors.progress import Progress

STREAMS = ("commits", "tags", "gaps", "rejects")
REAL = Path(__file__).parents[3] / "shared" / "data" / "git"


def messages(config, state=None, streams=STREAMS):
    return list(GitHistory().read(config, streams, state or {}))


def states(config, state=None):
    return {each.stream: each.data for each in messages(config, state) if isinstance(each, State)}


def parquet(folder):
    """A folder of Parquet files with two commits and a tag."""
    folder.mkdir()
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 'owner/name' AS repo, sha, 1::SMALLINT AS parents, 'Ana' AS author_name,"
            " sha256('ana') AS author_email_sha256, 'Ana' AS author_canon_name,"
            " sha256('ana') AS author_canon_email_sha256, NULL::VARCHAR AS author_noreply_login,"
            " TIMESTAMPTZ '2024-05-01 10:00:00+00' AS author_time, (-210)::SMALLINT AS author_tz_min,"
            " TIMESTAMPTZ '2024-05-01 10:00:00+00' AS committer_time, FALSE AS is_merge,"
            " 3::BIGINT AS additions, NULL::BIGINT AS deletions, 1::INTEGER AS files,"
            f" 0::INTEGER AS binary_files FROM (VALUES ('a'), ('b')) AS shas (sha))"
            f" TO '{folder / 'commits.parquet'}'"
        )
        connection.execute(
            "COPY (SELECT 'owner/name' AS repo, 'v1' AS tag, 'commit' AS object_type,"
            " 'a' AS commit_sha, TIMESTAMPTZ '2024-05-01 10:00:00+00' AS created)"
            f" TO '{folder / 'tags.parquet'}'"
        )
    return folder


def landed(config):
    """All that lands of a reading, our own columns left out."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA raw")
        connector = Connector("git_history", ["source-git-history"], config)
        collect(connection, connector, Progress(quiet=True))
        return {
            stream: connection.execute(
                f"SELECT * EXCLUDE (_load_id, _extracted_at) FROM raw.git_history__{stream}"
                " ORDER BY ALL"
            ).fetchall()
            for stream in ("commits", "tags")
        }


def test_files_and_records_land_the_same_rows(tmp_path):
    folder = str(parquet(tmp_path / "parquet"))

    by_file = landed({"folder": folder})

    moment = datetime(2024, 5, 1, 10, tzinfo=UTC)
    person = ("Ana", hashlib.sha256(b"ana").hexdigest())
    # The file has neither the address as pushes tell it, nor the account's number.
    told = (*person, None, *person, None, None)
    assert by_file["commits"] == [
        ("owner/name", sha, 1, *told, moment, -210, moment, False, 3, None, 1, 0)
        for sha in ("a", "b")
    ]
    assert by_file["tags"] == [("owner/name", "v1", "commit", "a", moment)]
    assert landed({"folder": folder, "mode": "records"}) == by_file


def test_a_parquet_file_is_handed_over_once(tmp_path):
    folder = parquet(tmp_path / "parquet")
    config = {"folder": str(folder)}

    assert [each.path for each in messages(config) if isinstance(each, File)] == [
        folder / "commits.parquet",
        folder / "tags.parquet",
    ]
    assert [each for each in messages(config, states(config)) if isinstance(each, File)] == []


def test_a_file_that_is_no_parquet_is_one_clear_line(tmp_path):
    folder = parquet(tmp_path / "parquet")
    (folder / "commits.parquet").write_text("<!doctype html>")

    with pytest.raises(ConfigFailure, match=r"commits\.parquet"):
        messages({"folder": str(folder), "mode": "records"})


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not there")
def test_the_real_histories_land_whole():
    found = landed({"folder": str(REAL)})

    assert len(found["commits"]) == 185_050
    assert len({row[0] for row in found["commits"]}) == 33
    assert len(found["tags"]) == 11_594
