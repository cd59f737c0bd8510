"""Whole commands where files are released into an object store, after one finished run into a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import obstore
import orjson
import pytest

from oso_processors.errors import InvalidSetting
from oso_processors.object_store import ObjectStore
from oso_processors.settings import Settings
from oso_processors.stores.local_postgres import serving

OSO = Path(sys.executable).parent / "oso"


@pytest.fixture
def dsn(ran: Path) -> Iterator[str]:
    """The embedded server, which stays up so that no command has to start it."""
    with serving(ran / ".oso" / "postgres") as found:
        yield found


@pytest.mark.long
def test_releases_go_to_an_object_store_and_are_looked_at_checked_and_taken_back_there(
    ran, dsn, address
):
    environment = {**os.environ, "OSO_HOME": ".oso", "OSO_FILES": f"{address}", "COLUMNS": "160"}
    environment.pop("OSO_POSTGRES_DSN", None)
    bucket = address.connect()

    def oso(*arguments: str, code: int = 0) -> str:
        command = [str(OSO), *arguments]
        done = subprocess.run(
            command, cwd=ran, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        return done.stdout if not code else done.stdout + done.stderr

    def served() -> str:
        body = orjson.loads(bytes(obstore.get(bucket, "latest.json").bytes()))
        return body["release"]

    assert orjson.loads(oso("release", "--json"))["behind"] == ["files"]
    first = served()
    assert oso("verify") == f"Every store serves {first} as it was published.\n"
    processor = ran / "processors" / "artifacts_v1.yaml"
    processor.write_text(processor.read_text().replace("owner: directory", "owner: somebody"))
    second = orjson.loads(oso("release", "--json"))["release"]
    assert "artifacts_v1" in oso("diff", first, second)
    listed = orjson.loads(oso("releases", "--json"))
    assert [(each["release"], each["kept_in"]) for each in listed][:2] == [
        (second, ["files", "postgres"]),
        (first, ["files", "postgres"]),
    ]
    state = orjson.loads(oso("status", "--json"))
    assert [(each["store"], each["release"]) for each in state["stores"]] == [
        ("files", second),
        ("postgres", second),
    ]
    assert (state["released_by"], state["left_over"]) == (None, {})
    oso("rollback")
    assert served() not in (first, second)
    assert oso("verify").startswith(f"Every store serves {served()} ")
    obstore.delete(bucket, f"{served()}/artifacts_v1/data.parquet")
    told = oso("verify", code=1)
    assert told.splitlines()[0] == "files: artifacts_v1: its file artifacts_v1/data.parquet is gone"
    environment["OSO_FILES"] = f"s3://nobody-has-it/{address.prefix}"
    refused = oso("rollback", code=5)
    assert refused.startswith("Error: files: s3://nobody-has-it/")
    assert [path.name for path in (ran / ".oso" / "passing").iterdir() if path.is_dir()] == []


def test_files_lie_where_the_setting_says(tmp_path):
    def chosen(text: str) -> object:
        return Settings.from_environ(tmp_path, {"OSO_FILES": text}).files

    assert chosen("") is None
    assert chosen("elsewhere") == tmp_path / "elsewhere"
    assert chosen("/srv/releases") == Path("/srv/releases")
    assert chosen("s3://my-bucket") == ObjectStore("s3", "my-bucket")
    assert chosen("gs://my-bucket/a b/c/") == ObjectStore("gs", "my-bucket", "a b/c")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("http://bucket", "must be a folder, s3://bucket/prefix or gs://bucket/prefix"),
        ("s3://", "must be a folder, s3://bucket/prefix or gs://bucket/prefix"),
        ("s3://Capital/a", "must be a folder, s3://bucket/prefix or gs://bucket/prefix"),
        ("gs://bucket/a//b", "its prefix has an empty part, or one that is . or .."),
        ("gs://bucket/../b", "its prefix has an empty part, or one that is . or .."),
    ],
)
def test_an_address_that_is_none_is_one_clear_line(tmp_path, text, problem):
    with pytest.raises(InvalidSetting) as caught:
        Settings.from_environ(tmp_path, {"OSO_FILES": text})

    assert str(caught.value) == f"OSO_FILES: {text!r}: {problem}"
    assert caught.value.exit_code == 2
