"""What only the files store in an object store has to get right, on an S3 over the wire."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date

import duckdb
import obstore
import orjson
import pytest

from oso_processors.errors import Mismatch, StoreUnusable
from oso_processors.pipeline import sides
from oso_processors.release.changes import Counts, counted
from oso_processors.release.verify import drifted, verify
from oso_processors.settings import Settings
from oso_processors.stores import Changed, objects
from oso_processors.stores.files import FilesStore
from oso_processors.stores.objects import Objects

from .conftest import manifest, publish
from .object_server import in_front


@pytest.fixture
def bucket(address):
    """The prefix as obstore sees it."""
    return address.connect()


@pytest.fixture
def front(object_server, address, monkeypatch):
    """A server in front of the object store, through which stores made after it go."""
    with in_front(object_server) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{made.at}")
        yield made


@pytest.fixture
def another(address, tmp_path):
    """Makes the same store again, as another run of the same home does."""
    return lambda: FilesStore(Objects(address, tmp_path / "home" / "passing", retries=1))


def names(bucket):
    return sorted(each["path"] for chunk in obstore.list(bucket) for each in chunk)


def rewrite(bucket, name, query, tmp_path):
    path, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    path.write_bytes(bytes(obstore.get(bucket, name).bytes()))
    duckdb.sql(f"COPY ({query.format(path)}) TO '{new}' (FORMAT parquet)")
    obstore.put(bucket, name, new)


def test_a_release_lies_there_as_in_a_folder(in_objects, bucket, everything, output, tmp_path):
    release = publish(in_objects, everything, 1, output())
    folder = FilesStore(tmp_path / "folder")
    publish(folder, everything, 1, output())

    assert names(bucket) == [
        "latest.json",
        "r1/CITATION.cff",
        "r1/datapackage.json",
        "r1/everything/data.parquet",
        "r1/manifest.json",
    ]
    assert [bytes(obstore.get(bucket, name).bytes()) for name in names(bucket)] == [
        (tmp_path / "folder" / name).read_bytes() for name in names(bucket)
    ]
    assert in_objects.drift(release) == []


def test_what_did_not_change_is_copied_there_and_not_sent_again(
    front, another, everything, output, bucket
):
    first = another()
    publish(first, everything, 1, output())
    front.seen.clear()

    publish(another(), everything, 2, output())

    sent = [path for method, path, _ in front.seen if method == "PUT" and "parquet" in path]
    copied = [path for _, path, source in front.seen if source]
    assert len(sent) == 1
    assert sent == copied
    assert "r2/everything/data.parquet" in names(bucket)


def test_a_day_that_changed_sends_the_file_of_its_month_and_no_other(
    front, another, everything, output, bucket
):
    query = "SELECT * REPLACE (coalesce(day, DATE '2024-06-01') AS day) FROM everything"
    by_day = {"partition_by": "day"}
    before = output(by_day, query=query, grain=("id", "day"))
    publish(another(), everything, 1, before)
    everything.execute("UPDATE everything SET word = 'other' WHERE id = 1")
    changed = Changed(before.digest, "day", (date(2024, 5, 1),))
    after = replace(output(by_day, query=query, grain=("id", "day")), changed=changed)
    front.seen.clear()

    release = publish(another(), everything, 2, after)

    puts = [
        (path.rpartition("/")[2], "copied" if source else "sent")
        for method, path, source in front.seen
        if method == "PUT" and "parquet" in path
    ]
    assert sorted(puts) == [
        ("1969-12.parquet", "copied"),
        ("2024-05.parquet", "sent"),
        ("2024-06.parquet", "copied"),
    ]
    assert another().drift(release) == []


def test_the_keys_of_a_profile_let_in(front, another, everything, output, tmp_path, monkeypatch):
    keys = "[team]\naws_access_key_id = theirs\naws_secret_access_key = secret\n"
    (tmp_path / "credentials").write_text(keys)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "team")
    signed = []
    front.fault = lambda request: bool(signed.append(request.headers["Authorization"]))

    publish(another(), everything, 1, output())

    assert {each.partition("Credential=")[2].partition("/")[0] for each in signed} == {"theirs"}


def test_what_is_too_large_to_be_copied_there_is_sent_again(front, another, everything, output):
    def refuse_copies(request):
        if request.headers["x-amz-copy-source"]:
            request.refuse(400, "InvalidRequest", "The specified copy source is larger than 5 GB")
            return True
        return False

    publish(another(), everything, 1, output())
    front.fault = refuse_copies

    release = publish(another(), everything, 2, output())

    assert another().drift(release) == []


def test_a_large_file_goes_in_parts(address, tmp_path, monkeypatch, bucket):
    monkeypatch.setattr(objects, "PART", 5 << 20)
    place, content = Objects(address, tmp_path / "passing"), os.urandom(12 << 20)

    with place.drafted("r1/large.parquet") as path:
        path.write_bytes(content)

    assert place.local("r1/large.parquet").read_bytes() == content
    assert obstore.head(bucket, "r1/large.parquet")["e_tag"].endswith('-3"')
    assert not path.exists()


def test_rows_are_read_back_from_there_and_not_from_what_was_sent(
    in_objects, bucket, everything, output, tmp_path
):
    whole = output()
    in_objects.build(everything, manifest(1, whole), whole)
    verify(in_objects, manifest(1, whole), whole)
    rewrite(bucket, "r1/everything/data.parquet", "FROM '{}' LIMIT 4", tmp_path)

    with pytest.raises(Mismatch, match="its checksum"):
        verify(in_objects, manifest(1, whole), whole)


def test_rows_of_a_kept_release_can_be_read(in_objects, another, everything, output):
    first = publish(in_objects, everything, 1, output())
    publish(in_objects, everything, 2, output(query="SELECT * FROM everything LIMIT 1"))

    source = another().source(first, "everything")

    assert everything.execute(f"SELECT count(*) FROM {source}").fetchone() == (5,)
    assert another().source(first, "nothing") is None


def test_of_two_releases_only_the_tables_that_differ_are_brought_here_to_be_compared(
    front, another, address, everything, output, tmp_path
):
    files, same = another(), output(name="same")
    publish(files, everything, 1, same, output())
    publish(files, everything, 2, same, output(query="SELECT * FROM everything LIMIT 2"))
    settings = Settings(project=tmp_path, home=tmp_path / "home", files=address)
    front.seen.clear()

    before, after = sides(settings, "r1", "r2")

    assert counted(everything, before["everything"], after["everything"]) == Counts(0, 3, 0)
    assert (list(before), list(after)) == (["everything"], ["everything"])
    brought = [path.rpartition("%5D/")[2] for _, path, _ in front.seen if "parquet" in path]
    assert brought == ["r1/everything/data.parquet", "r2/everything/data.parquet"]


def test_what_is_gone_changed_or_added_is_named(in_objects, bucket, everything, output, tmp_path):
    release = publish(in_objects, everything, 1, output(), output(name="other"), output(name="b"))
    rewrite(bucket, "r1/everything/data.parquet", "FROM '{}' LIMIT 4", tmp_path)
    obstore.put(bucket, "r1/b/data.parquet", b"broken")
    obstore.delete(bucket, "r1/other/data.parquet")
    obstore.put(bucket, "r1/more.parquet", b"")

    told = in_objects.drift(release)

    assert told[:4] == [
        "files: everything: its file everything/data.parquet was changed: its SHA-256 is another",
        "files: everything: it has 4 rows and not 5",
        "files: other: its file other/data.parquet is gone",
        "files: b: its file b/data.parquet was changed: its SHA-256 is another",
    ]
    assert told[4].startswith("files: b: its files cannot be read: ")
    assert told[5:] == ["files: more.parquet: the file is no part of the release"]


@pytest.mark.parametrize("name", ["latest.json", "r1/manifest.json"])
def test_a_broken_word_of_which_release_it_is_is_drift(
    in_objects, bucket, everything, output, name
):
    publish(in_objects, everything, 1, output())
    obstore.put(bucket, name, b"{")

    release, (line,) = drifted([in_objects])

    assert release is None
    assert line.startswith(f"files: {name.rpartition('/')[2]}: cannot be read: ")


def test_what_a_killed_run_left_is_not_published(in_objects, bucket, everything, output):
    for name in ("r1/old.parquet", "r1/everything/data.parquet", "r1/deeper/more"):
        obstore.put(bucket, name, b"half")

    publish(in_objects, everything, 1, output())

    assert [name for name in names(bucket) if "parquet" in name or "more" in name] == [
        "r1/everything/data.parquet"
    ]


def test_what_is_not_a_release_is_left_alone(in_objects, bucket, everything, output):
    publish(in_objects, everything, 1, output())
    for name in ("readme.txt", "reports/a.parquet", "r0x/a.parquet"):
        obstore.put(bucket, name, b"")

    in_objects.sweep([])

    assert names(bucket) == ["latest.json", "r0x/a.parquet", "readme.txt", "reports/a.parquet"]


def test_of_two_runs_that_saw_the_same_release_one_can_switch(
    in_objects, another, everything, output
):
    publish(in_objects, everything, 1, output())
    quick, slow = another(), another()
    assert quick.served() == slow.served()
    second = output(query="SELECT * FROM everything LIMIT 2")
    slow.build(everything, manifest(2, second), second)
    release = publish(quick, everything, 3, output())

    with pytest.raises(StoreUnusable) as caught:
        slow.publish(manifest(2, second), [second])

    assert str(caught.value) == (
        f"files: {slow.place}/latest.json: another run replaced it;"
        " what was published before stays, run again"
    )
    assert another().served() == release


def test_a_switch_whose_answer_was_lost_was_made(front, another, everything, output):
    lost = []

    def lose_the_answer(request):
        if request.command == "PUT" and request.path.endswith("latest.json") and not lost:
            lost.append(request.path)
            request.pass_on_and_answer(503)
            return True
        return False

    files = another()
    publish(files, everything, 1, output())
    front.fault = lose_the_answer

    release = publish(files, everything, 2, output())

    assert len(lost) == 1
    assert another().served() == release


KILLED = """
import os, signal, sys
from pathlib import Path
from oso_processors.object_store import ObjectStore
from oso_processors.stores.objects import Objects
with Objects(ObjectStore("s3", "none"), Path(sys.argv[1])).drafted("r1/a.parquet") as path:
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_on_this_machine_goes(address, tmp_path):
    passing = tmp_path / "passing"
    subprocess.run([sys.executable, "-c", KILLED, passing], check=False)
    (left,) = passing.rglob("*.parquet")
    living = Objects(address, passing)
    with living.drafted("r1/b/data.parquet") as path:
        assert not left.exists()
        path.write_text("whole")
        with Objects(address, passing).drafted("r1/c.parquet") as other:
            assert path.exists()
            other.write_text("whole")


def test_nothing_of_object_stores_is_loaded_where_files_lie_in_a_folder(tmp_path):
    code = (
        "import sys; from pathlib import Path; from oso_processors.pipeline import files_store\n"
        "from oso_processors.settings import Settings\n"
        f"print(files_store(Settings(Path('.'), Path({str(tmp_path)!r}))).served())\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'obstore'])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout == "None\n[]\n", done.stderr


def test_the_pointer_says_where_the_manifest_is_and_may_not_be_kept(
    in_objects, bucket, everything, output
):
    publish(in_objects, everything, 1, output())

    found = obstore.get(bucket, "latest.json")

    assert found.attributes["Cache-Control"] == "no-cache"
    assert orjson.loads(bytes(found.bytes())) == {
        "release": "r1",
        "manifest": "r1/manifest.json",
        "released_at": "2024-05-01T00:00:00+00:00",
    }
