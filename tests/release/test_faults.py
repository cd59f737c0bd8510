"""Faults in the middle of a release: the old one stays in every store, and one line says what to do.

What is mended is released by the next run, which leaves nothing of the failed one behind.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import psycopg
import pytest

from oso_processors.cli.status import BUILDS
from oso_processors.errors import (
    Mismatch,
    ReleaseBlocked,
    ReleaseError,
    StoreUnusable,
)
from oso_processors.release import Request, Wish, making, release
from oso_processors.release.verify import drifted
from oso_processors.stores import Store
from oso_processors.stores.files import FilesStore
from oso_processors.stores.local_postgres import NOBODY
from oso_processors.stores.postgres import PostgresStore
from oso_processors.tables import Column, Table

COLUMNS = (Column("repo", "VARCHAR", "The repository."), Column("stars", "BIGINT", "How many."))
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")


def wish(stars: int, rows: int = 1000, query: str | None = None) -> Wish:
    made = f"SELECT md5(i::VARCHAR) AS repo, {stars}::BIGINT AS stars FROM range({rows}) t(i)"
    table = Table("stars", "marts.stars", query or made, COLUMNS, ("repo",), "A repository.", "1")
    return Wish(table, {"files": {}, "postgres": {}}, {"owner": "me"})


@pytest.fixture
def files(tmp_path) -> FilesStore:
    return FilesStore(tmp_path / "releases")


@pytest.fixture
def stores(files, postgres) -> Iterator[list[Store]]:
    """Files and Postgres, where r1 is served."""
    with closing(PostgresStore(postgres)) as store:
        yield [files, store]


@pytest.fixture
def make(warehouse, quiet) -> Callable[..., str]:
    """Releases a table and returns the release that is served then."""

    def made(stores: list[Store], wished: Wish, **how: object) -> str:
        request = Request(**how.pop("request", {}))
        return release(
            warehouse, [wished], stores, how.get("blocked", {}), quiet, request
        ).release.id

    return made


@pytest.fixture
def refused(postgres) -> Callable[..., AbstractContextManager[list[str]]]:
    """Expects one clear line, exit code 5, and what was served before to be whole in every store."""

    @contextmanager
    def expected(
        stores: list[Store], kind: type[ReleaseError] = StoreUnusable
    ) -> Iterator[list[str]]:
        before = [store.served() for store in stores]
        said: list[str] = []
        with pytest.raises(kind) as caught:
            yield said
        said.append(str(caught.value))
        assert "\n" not in said[0]
        assert caught.value.exit_code == 5
        with closing(PostgresStore(postgres, is_reading=True)) as reader:
            seen = [each if isinstance(each, FilesStore) else reader for each in stores]
            assert [store.served() for store in seen] == before
            assert drifted(seen) == (before[0], [])

    return expected


def assert_the_next_goes_through(make, stores: list[Store], wished: Wish) -> None:
    assert make(stores, wished) == "r2"
    assert drifted(stores)[1] == []
    assert [store.left_over() for store in stores] == [[] for _ in stores]


@pytest.fixture
def small_tablespace(small_disk, server, postgres) -> Iterator[Path]:
    """The database's tables are on a disk with room for two megabytes."""
    subprocess.run(["mount", "-o", "remount,size=2m", str(small_disk)], check=True)
    os.chown(small_disk, NOBODY, NOBODY)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
        connection.execute("GRANT CREATE ON TABLESPACE small TO PUBLIC")
        connection.execute("ALTER DATABASE test SET default_tablespace = small")
        yield small_disk
        connection.execute("DROP DATABASE test WITH (FORCE)")
        connection.execute("DROP TABLESPACE small")


@AS_ROOT
def test_a_disk_that_is_full_while_copying_to_postgres(small_tablespace, stores, make, refused):
    make(stores, wish(1))
    more = wish(2, rows=50_000)

    with refused(stores) as said:
        make(stores, more)

    assert said[0].startswith("postgres: stars: could not extend file ")
    assert said[0].endswith(
        ": No space left on device; what was published before stays, free some space and run again"
    )
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_tablespace)], check=True)
    assert_the_next_goes_through(make, stores, more)


@AS_ROOT
def test_a_disk_that_is_full_while_writing_files(small_disk, make, refused):
    stores = [FilesStore(small_disk / "releases")]
    make(stores, wish(1))
    more = wish(2, rows=50_000)

    with refused(stores) as said:
        make(stores, more)

    assert said[0].startswith(f"files: {small_disk}/releases: IO Error: ")
    assert said[0].endswith(
        ": No space left on device; what was published before stays, free some space and run again"
    )
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    assert_the_next_goes_through(make, stores, more)


class Cut:
    """A way to Postgres that is cut when the runner sends certain bytes, or has sent enough."""

    def __init__(self, target: str, words: bytes = b"", after: int = 0) -> None:
        self.words, self.left, self.target = words, after, target
        self.is_cut, self.sockets = False, list[socket.socket]()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.threads = [threading.Thread(target=self._serve)]
        self.threads[0].start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            self.sockets += [client, server]
            for way in ((client, server, True), (server, client, False)):
                thread = threading.Thread(target=self._pass, args=way)
                self.threads.append(thread)
                thread.start()

    def _pass(self, source: socket.socket, target: socket.socket, is_sent: bool) -> None:
        try:
            while block := source.recv(1 << 16):
                if is_sent and self._cuts(block):
                    break
                target.sendall(block)
        except OSError:
            pass
        # Whoever reads the other way comes to an end too.
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _cuts(self, block: bytes) -> bool:
        if self.words:
            self.is_cut |= self.words in block
        elif self.left:
            self.left -= len(block)
            self.is_cut |= self.left <= 0
        return self.is_cut

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for thread in self.threads:
            thread.join()
        for each in self.sockets:
            each.close()


@pytest.fixture
def cut(postgres) -> Iterator[Callable[..., str]]:
    """Gives the address of a Postgres whose connection is cut, as `Cut` says."""
    parts = psycopg.conninfo.conninfo_to_dict(postgres)
    made: list[Cut] = []

    def make(**how: object) -> str:
        made.append(Cut(f"{parts['host']}/.s.PGSQL.5432", **how))
        return psycopg.conninfo.make_conninfo(postgres, host="127.0.0.1", port=made[-1].port)

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("how", "place"),
    [
        ({"after": 400_000}, "stars"),
        ({"words": b"CREATE UNIQUE INDEX"}, "stars"),
        ({"words": b"CREATE OR REPLACE VIEW"}, "public"),
    ],
    ids=["in mid-copy", "before the index", "at the switch"],
)
def test_a_connection_that_is_cut(files, postgres, cut, make, refused, how, place):
    more = wish(2, rows=50_000)
    with closing(PostgresStore(postgres)) as store:
        make([files, store], wish(1))

    with closing(PostgresStore(cut(**how))) as store, refused([files, store]) as said:
        make([files, store], more)

    assert said[0].startswith(f"postgres: {place}: ")
    assert said[0].endswith(
        "; what was published before stays, run again when the server can be reached"
    )
    with closing(PostgresStore(postgres)) as store:
        assert_the_next_goes_through(make, [files, store], more)


class Disturbed:
    """A store to which something happens after all was measured, before a table is built."""

    def __init__(self, store: Store, disturb: Callable[[], object]) -> None:
        self.store, self.disturb, self.name = store, disturb, store.name

    def __getattr__(self, verb: str) -> object:
        return getattr(self.store, verb)

    def build(self, *arguments: object) -> None:
        self.disturb()
        self.store.build(*arguments)


@pytest.mark.parametrize(
    ("which", "why"),
    [
        (0, r"files: stars: its checksum is 600:\S+ and not 1000:\S+"),
        (1, "postgres: stars: the number of rows copied is 600 and not 1,000"),
    ],
    ids=["files", "postgres"],
)
def test_a_producer_that_dies_at_the_end_of_a_row(stores, make, refused, tmp_path, which, why):
    make(stores, wish(1))
    path = tmp_path / "source.csv"
    lines = [f"r{number},2\n" for number in range(1000)]
    path.write_text("".join(lines))
    columns = "columns = {repo: 'VARCHAR', stars: 'BIGINT'}"
    more = wish(2, query=f"SELECT repo, stars FROM read_csv('{path}', {columns})")
    dying = list[Store](stores)
    dying[which] = Disturbed(stores[which], lambda: path.write_text("".join(lines[:600])))

    with refused(stores, Mismatch) as said:
        make(dying, more)

    assert re.fullmatch(f"{why}; the old release is still served", said[0])
    path.write_text("".join(lines))
    assert_the_next_goes_through(make, stores, more)


@pytest.mark.parametrize("which", [0, 1], ids=["files", "postgres"])
def test_a_producer_that_fails_after_rows_were_sent(stores, make, refused, warehouse, which):
    make(stores, wish(1))
    warehouse.execute("CREATE TABLE good AS SELECT 50000 AS until")
    failing = wish(
        2,
        query="SELECT md5(i::VARCHAR) AS repo, if(i >= until, error('the source is gone'), 2)::BIGINT"
        " AS stars FROM range(50000) t(i), good",
    )
    dying = list[Store](stores)
    break_down = "UPDATE good SET until = 45000"
    dying[which] = Disturbed(stores[which], lambda: warehouse.execute(break_down))

    with refused(stores) as said:
        make(dying, failing)

    assert "the source is gone; what was published before stays" in said[0]
    warehouse.execute("UPDATE good SET until = 50000")
    assert_the_next_goes_through(make, stores, failing)


def test_a_grain_that_repeats(stores, make, refused):
    make(stores, wish(1))
    twice = wish(2, query="SELECT 'a' AS repo, i AS stars FROM range(2) t(i)")

    with refused(stores, ReleaseBlocked) as said:
        make(stores, twice, request={"may_shrink": ["all"]})

    assert said == ["stars: its grain (repo) is not unique; the old release is still served"]


def test_a_table_that_shrank(stores, make, refused):
    make(stores, wish(1))
    fewer = wish(2, rows=700)

    with refused(stores, ReleaseBlocked) as said:
        make(stores, fewer)

    assert said == [
        "stars: it would shrink from 1,000 to 700 rows, by more than 20%; if that is right, add"
        " --allow-shrink stars; the old release is still served"
    ]
    assert make(stores, fewer, request={"may_shrink": ["stars"]}) == "r2"


def test_an_audit_that_failed(stores, make, refused):
    make(stores, wish(1))
    why = "marts.stars: audit not_null found 3 bad rows"

    with refused(stores, ReleaseBlocked) as said:
        make(stores, wish(2), blocked={"stars": why})

    assert said == [f"stars: {why}; the old release is still served"]
    assert_the_next_goes_through(make, stores, wish(2))


class Ahead(datetime):
    """A clock that is wrong by decades. The machine's own clock is not ours to set."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + timedelta(days=30_000)


def test_a_clock_that_jumped_back(stores, make, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(making, "datetime", Ahead)
        make(stores, wish(1))

    assert_the_next_goes_through(make, stores, wish(2))

    first, second = stores[0].kept()[::-1]
    assert (first.id, second.id) == ("r1", "r2")
    assert first.released_at > second.released_at
    assert [[each.id for each in store.kept()] for store in stores] == [["r2", "r1"]] * 2


def test_the_last_build_is_the_last_whatever_the_clock_said(warehouse):
    warehouse.execute("CREATE SCHEMA raw")
    warehouse.execute(
        "CREATE TABLE raw._builds AS FROM (VALUES (TIMESTAMPTZ '2099-01-01', 9, 9, []::VARCHAR[]),"
        " (TIMESTAMPTZ '2024-01-01', 9, 8, ['marts.stars: audit not_null found 3 bad rows']))"
        " t(built_at, model_count, audit_count, failures)"
    )

    (last,) = warehouse.execute(BUILDS).fetchall()

    assert last[2:] == (8, ["marts.stars: audit not_null found 3 bad rows"])
