"""An object store that refuses, fails or is not there: one line, and the old release stays whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oso_processors.errors import InvalidSetting, StoreUnusable
from oso_processors.object_store import ObjectStore
from oso_processors.release.publishing import publish, sweep
from oso_processors.release.verify import drifted
from oso_processors.stores.files import FilesStore
from oso_processors.stores.objects import Objects

from .conftest import manifest
from .object_server import in_front

STAYS = "; what was published before stays, "
AGAIN = f"{STAYS}run again"
NOT_LET_IN = f"{STAYS}see what these credentials may do in the bucket"


@pytest.fixture
def front(object_server, address, monkeypatch):
    """A server in front of the object store, through which stores made after it go."""
    with in_front(object_server) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{made.at}")
        yield made


@pytest.fixture
def make(output, everything, quiet, address, tmp_path):
    """Publishes so many rows as the release of that number, as a run does, and sweeps."""

    def made(number: int) -> str:
        files = FilesStore(Objects(address, tmp_path / "home" / "passing", retries=1))
        whole = output(query=f"SELECT * FROM everything LIMIT {number}")
        with files.alone():
            publish(everything, manifest(number, whole), [whole], [files], quiet)
            sweep([files], {})
        return files.served().id

    return made


@pytest.fixture
def there(object_server, address, tmp_path):
    """The store as somebody sees it who reads it by another way."""
    client = address.connect()
    place = Objects(address, tmp_path / "reader")
    place._store = client
    return FilesStore(place)


def denied(request):
    request.refuse(403, "AccessDenied", "Access Denied")


def failing(request):
    request.refuse(500, "InternalError", "We encountered an internal error")


def silent(request):
    request.close_connection = True


def cut(request):
    request.cut()


def puts_of(name):
    return lambda request: request.command == "PUT" and request.path.endswith(name)


WHERE = {
    "in a table": puts_of("everything/data.parquet"),
    "in the manifest": puts_of("manifest.json"),
    "in the pointer": puts_of("latest.json"),
    "in reading back": lambda request: (
        request.command == "GET" and request.path.endswith("r2/everything/data.parquet")
    ),
}
HOW = {
    "denied": (denied, f"403 Forbidden: AccessDenied: Access Denied{NOT_LET_IN}"),
    "failing": (
        failing,
        "500 Internal Server Error: InternalError: We encountered an internal error" + AGAIN,
    ),
    "silent": (silent, AGAIN),
}
QUICK = {"denied": "in a table", "failing": "in reading back", "silent": "in the pointer"}
PAIRS = [
    pytest.param(how, where, marks=[] if QUICK[how] == where else pytest.mark.long)
    for how in HOW
    for where in WHERE
]


@pytest.mark.parametrize(("how", "where"), PAIRS)
def test_whatever_it_refuses_the_old_release_stays_and_the_next_run_goes_on(
    there, front, make, how, where
):
    assert make(1) == "r1"
    fault, said = HOW[how]
    front.fault = lambda request: WHERE[where](request) and (fault(request) or True)

    with pytest.raises(StoreUnusable) as caught:
        make(2)

    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"files: {there.place}/")
    assert str(caught.value).endswith(said)
    assert caught.value.exit_code == 5
    served, drift = drifted([there])
    assert (served.id, drift) == ("r1", [])
    front.fault = lambda _: False
    assert make(3) == "r3"
    assert drifted([there])[1] == []
    assert there.left_over() == []


@pytest.mark.parametrize("fault", [failing, silent, cut])
def test_what_fails_once_is_tried_again(front, make, there, fault):
    failed = set()

    def once(request):
        is_new = request.path not in failed and "parquet" in request.path
        if is_new and not (fault is cut and request.command != "GET"):
            failed.add(request.path)
            fault(request)
            return True
        return False

    front.fault = once

    assert make(3) == "r3"

    assert failed
    assert drifted([there])[1] == []


def test_an_object_store_that_is_not_there_is_one_line(address, monkeypatch, make):
    # Nobody serves anything at a port whose number looks like an answer.
    port = 403
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")

    with pytest.raises(StoreUnusable) as caught:
        make(1)

    assert str(caught.value) == (
        f"files: {address}/release.lock: no answer from http://127.0.0.1:{port}:"
        f" Connection refused{AGAIN}"
    )


def test_a_name_that_nobody_knows_is_one_line(address, monkeypatch, make):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://objects.invalid")

    with pytest.raises(StoreUnusable) as caught:
        make(1)

    assert str(caught.value) == (
        f"files: {address}/release.lock: no answer from http://objects.invalid: dns error{AGAIN}"
    )


@pytest.mark.parametrize("what", ["served", "kept", "left_over", "holder"])
def test_a_bucket_that_is_not_there_is_one_line(address, tmp_path, what):
    files = FilesStore(Objects(replace(address, bucket="nobody-has-it"), tmp_path, retries=1))

    with pytest.raises(StoreUnusable) as caught:
        getattr(files, what)()

    assert str(caught.value).startswith("files: s3://nobody-has-it/")
    assert str(caught.value).endswith(
        ": 404 Not Found: NoSuchBucket: The specified bucket does not exist;"
        " what was published before stays, make the bucket or name another in OSO_FILES"
    )


@pytest.mark.parametrize("what", ["served", "kept", "left_over", "holder"])
def test_who_may_not_read_is_told_so(address, front, tmp_path, what):
    front.fault = lambda request: denied(request) or True
    files = FilesStore(Objects(address, tmp_path, retries=1))

    with pytest.raises(StoreUnusable) as caught:
        getattr(files, what)()

    assert str(caught.value).endswith(f": 403 Forbidden: AccessDenied: Access Denied{NOT_LET_IN}")


def test_rows_that_may_not_be_read_are_one_line_and_no_drift(address, front, make, tmp_path):
    make(1)
    files = FilesStore(Objects(address, tmp_path, retries=1))
    front.fault = lambda request: "parquet" in request.path and (denied(request) or True)

    with pytest.raises(StoreUnusable, match="AccessDenied"):
        drifted([files])


def test_without_credentials_is_one_line(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    files = FilesStore(Objects(ObjectStore("s3", "bucket"), tmp_path, retries=0))

    with pytest.raises(StoreUnusable) as caught:
        files.served()

    assert str(caught.value) == (
        "files: s3://bucket/latest.json: no credentials were found; what was published before stays,"
        " set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or GOOGLE_APPLICATION_CREDENTIALS"
    )


WRONG = [
    (
        "s3",
        {"AWS_ACCESS_KEY_ID": "me"},
        StoreUnusable,
        "files: s3://bucket: Missing SecretAccessKey; what was published before stays,"
        " set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or GOOGLE_APPLICATION_CREDENTIALS",
    ),
    (
        "gs",
        {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json"},
        StoreUnusable,
        "files: gs://bucket: Unable to open service account file from /nowhere/key.json:"
        " No such file or directory (os error 2); what was published before stays,"
        " set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or GOOGLE_APPLICATION_CREDENTIALS",
    ),
    (
        "s3",
        {"AWS_ENDPOINT_URL": "localhost:9000"},
        InvalidSetting,
        "AWS_ENDPOINT_URL: 'localhost:9000': must begin with http:// or https://",
    ),
]


@pytest.mark.parametrize(("scheme", "environ", "kind", "said"), WRONG)
def test_what_is_set_wrong_is_one_line(monkeypatch, tmp_path, scheme, environ, kind, said):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(kind) as caught:
        Objects(ObjectStore(scheme, "bucket"), tmp_path)

    assert str(caught.value) == said
