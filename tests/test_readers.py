"""Readers of Postgres while releases are made: no error, no empty table, never two releases at once.

`OSO_RELEASES` says how many releases; `make test-readers` makes two hundred.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count

import psycopg
import pytest
from psycopg import IsolationLevel

from oso_processors.release import Wish, release
from oso_processors.stores.files import FilesStore
from oso_processors.stores.postgres import PostgresStore
from oso_processors.tables import Column, Table

pytestmark = pytest.mark.long
RELEASES = int(os.environ.get("OSO_RELEASES", "10"))
ROWS = 500
COLUMNS = (Column("repo", "VARCHAR", "It."), Column("run", "BIGINT", "Which release wrote it."))
ONE = "SELECT count(*), min(run), max(run) FROM one"
TWO = "SELECT count(*), min(run), max(run) FROM two"
BOTH = (
    "SELECT count(*), least(min(one.run), min(two.run)), greatest(max(one.run), max(two.run))"
    " FROM one JOIN two USING (repo)"
)
SLOW = "SELECT count(*), min(run), max(run) FROM one, pg_sleep(4)"
# What a reader does again and again: statements, those of one transaction where a level is named.
WAYS: list[tuple[Sequence[str], IsolationLevel | None]] = [
    ([ONE], None),
    ([BOTH], None),
    ([ONE, TWO], IsolationLevel.READ_COMMITTED),
    ([ONE, TWO, BOTH], IsolationLevel.REPEATABLE_READ),
    ([TWO, ONE], IsolationLevel.REPEATABLE_READ),
]
READERS = 50
# People look at what they read; without a pause fifty of them would be a test of the processor.
PAUSE = 0.25


@dataclass
class Seen:
    """What the readers of one way saw."""

    reads: int = 0
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0


def read(
    dsn: str,
    statements: Sequence[str],
    level: IsolationLevel | None,
    end: threading.Event,
    seen: Seen,
    pause: float = PAUSE,
) -> None:
    """Read until the end; whatever is not as a reader was promised is written down."""
    newest = 0
    try:
        with psycopg.connect(dsn, autocommit=level is None) as connection:
            connection.isolation_level = level
            while not end.wait(pause):
                found = []
                for statement in statements:
                    started = time.monotonic()
                    found += connection.execute(statement).fetchall()
                    seen.longest = max(seen.longest, time.monotonic() - started)
                connection.commit()
                seen.reads += 1
                ((count, low, high), *others) = set(found)
                if others or count != ROWS or low != high or low < newest:
                    seen.wrong.append(f"{found} after {newest}")
                newest = high
    except psycopg.Error as error:
        seen.wrong.append(f"{type(error).__name__}: {error}")


@contextmanager
def reading(dsn: str) -> Iterator[list[Seen]]:
    """Let fifty read, one of them slowly, and one read what no release touches; give what each saw."""
    end = threading.Event()
    work = [(*WAYS[number % len(WAYS)], PAUSE) for number in range(READERS - 1)]
    work += [([SLOW], None, 4.0), ([f"SELECT {ROWS}, 0, 0"], None, PAUSE)]
    seen = [Seen() for _ in work]
    threads = [
        threading.Thread(target=read, args=(dsn, statements, level, end, one, pause))
        for (statements, level, pause), one in zip(work, seen, strict=True)
    ]
    for thread in threads:
        thread.start()
    yield seen
    end.set()
    for thread in threads:
        thread.join()


def wish(name: str, run: int) -> Wish:
    query = f"SELECT 'r' || i AS repo, {run}::BIGINT AS run FROM range({ROWS}) t(i)"
    table = Table(name, f"marts.{name}", query, COLUMNS, ("repo",), "A row.", "1")
    return Wish(table, {"files": {}, "postgres": {}}, {"owner": "me"})


def test_a_crowd_of_readers_sees_one_whole_release_at_a_time_and_does_not_wait(
    postgres, warehouse, quiet, tmp_path
):
    with closing(PostgresStore(postgres)) as store:
        stores = [FilesStore(tmp_path / "releases"), store]

        def make(run: int) -> None:
            release(warehouse, [wish("one", run), wish("two", run)], stores, {}, quiet)

        make(1)
        with reading(postgres) as seen:
            runs = count(2)
            # Few releases are over before the slow one has read at all.
            while (run := next(runs)) <= RELEASES or not all(one.reads for one in seen):
                make(run)
        *crowd, slow, untouched = seen

    longest = max(one.longest for one in crowd)
    print(  # noqa: T201 (what the run of two hundred is for)
        f"{run - 1} releases, {sum(one.reads for one in seen):,} reads, the longest wait"
        f" {longest:.2f} s; of who reads nothing of ours {untouched.longest:.2f} s"
    )
    assert [each for one in seen for each in one.wrong] == []
    assert all(one.reads for one in seen)
    assert slow.longest > 4
    # A busy machine lets those wait too who read nothing of ours.
    assert longest < 1 + untouched.longest
