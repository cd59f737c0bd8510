"""What only the Postgres store has to get right, on a real server."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest

from oso_processors.errors import Mismatch, PostgresUnavailable, StoreUnusable
from oso_processors.release.verify import verify
from oso_processors.stores import copying, postgres_address
from oso_processors.stores.postgres import PostgresStore
from oso_processors.tables import Column

from .conftest import COLUMNS, ROWS, manifest, publish


@contextmanager
def connected(dsn, **options):
    with psycopg.connect(dsn, **options) as connection:
        yield connection


def rows(dsn, query):
    with connected(dsn) as connection:
        return connection.execute(query).fetchall()


def test_rows_come_back_as_they_were(everything, output, in_postgres, postgres):
    publish(in_postgres, everything, 1, output())

    assert rows(postgres, "SELECT * FROM everything ORDER BY id") == ROWS


def test_without_the_binary_form_the_same_rows_go_as_csv(
    everything, output, in_postgres, postgres, monkeypatch
):
    monkeypatch.setattr(copying, "best_form", lambda _: "csv")

    publish(in_postgres, everything, 1, output())

    assert rows(postgres, "SELECT * FROM everything ORDER BY id") == ROWS


@pytest.mark.parametrize(
    "kind", ["DECIMAL(38,9)", "DECIMAL(19,18)", "DECIMAL(38,20)", "DECIMAL(9,2)"]
)
@pytest.mark.parametrize("largest", ["0.999999999", "999999999.999999999", "1000000000", None])
def test_decimals_arrive_whether_or_not_they_are_small(
    everything, output, in_postgres, postgres, kind, largest
):
    """Small ones are written as narrower ones, which takes DuckDB far less."""
    values = [Decimal("0"), Decimal("-0.5"), largest and Decimal(largest)]
    fit = [each if each is None or fits(each, kind) else None for each in values]
    everything.execute(f"CREATE TABLE decimals (id BIGINT, amount {kind})")
    everything.executemany("INSERT INTO decimals VALUES (?, ?)", [*enumerate(fit)])
    columns = (Column("id", "BIGINT", "The grain."), Column("amount", kind, "An amount."))

    publish(
        in_postgres,
        everything,
        1,
        output(name="decimals", query="SELECT * FROM decimals", columns=columns),
    )

    now = everything.execute("SELECT id, amount FROM decimals ORDER BY id").fetchall()
    assert rows(postgres, "SELECT * FROM decimals ORDER BY id") == now


def fits(value: Decimal, kind: str) -> bool:
    precision, scale = map(int, kind[8:-1].split(","))
    return abs(value) < 10 ** (precision - scale)


def test_the_binary_form_is_there_offline(warehouse):
    assert copying.best_form(warehouse) == "binary"


def test_a_wheel_that_does_not_fit_means_csv(warehouse, monkeypatch):
    monkeypatch.setattr(copying.importlib.util, "find_spec", lambda _: None)

    assert copying.best_form(warehouse) == "csv"


def test_a_producer_that_dies_on_the_way_leaves_no_table(everything, in_postgres, output):
    query = (
        "SELECT everything.* REPLACE (CASE WHEN i < 100000 THEN i ELSE error('died')::BIGINT END AS id)"
        " FROM everything, range(200000) AS t(i) WHERE everything.id = 1"
    )
    whole = output(query="SELECT * FROM everything")
    dying = replace(whole, table=replace(whole.table, query=query))

    with pytest.raises(StoreUnusable, match="died"):
        in_postgres.build(everything, manifest(1, dying), dying)

    assert in_postgres._tables() == set()


def test_a_short_copy_is_noticed(everything, in_postgres, output):
    short = replace(output(), row_count=6)

    with pytest.raises(Mismatch, match="the number of rows copied is 5 and not 6"):
        in_postgres.build(everything, manifest(1, short), short)

    assert in_postgres._tables() == set()


def test_a_changed_row_is_noticed(everything, in_postgres, output, postgres):
    whole = output()
    in_postgres.build(everything, manifest(1, whole), whole)
    with connected(postgres, autocommit=True) as connection:
        (table,) = in_postgres._tables()
        connection.execute(f"UPDATE store.\"{table}\" SET word = 'other' WHERE id = 1")

    with pytest.raises(Mismatch, match="postgres: everything: its checksum is"):
        verify(in_postgres, manifest(1, whole), whole)


def test_a_dropped_unique_index_is_noticed(everything, in_postgres, output, postgres):
    whole = output()
    in_postgres.build(everything, manifest(1, whole), whole)
    with connected(postgres, autocommit=True) as connection:
        (index,) = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename LIKE 'everything%'"
        ).fetchone()
        connection.execute(f'DROP INDEX store."{index}"')

    with pytest.raises(Mismatch, match="its grain is repeated and not unique"):
        verify(in_postgres, manifest(1, whole), whole)


def test_a_grain_that_repeats_or_is_null_never_becomes_a_table(everything, in_postgres, output):
    twice = output(query="FROM everything UNION ALL FROM everything")
    without = output(query="SELECT * REPLACE (NULL::BIGINT AS id) FROM everything LIMIT 1")

    with pytest.raises(StoreUnusable, match=r"everything: could not create unique index .*\(id\)"):
        in_postgres.build(everything, manifest(1, twice), twice)
    with pytest.raises(StoreUnusable, match="everything: null value in column"):
        in_postgres.build(everything, manifest(1, without), without)


def test_an_index_that_is_declared_twice_or_is_the_grain_is_made_once(
    everything, in_postgres, output, postgres
):
    publish(in_postgres, everything, 1, output({"indexes": [["id"], ["word"], ["word"]]}))

    made = rows(postgres, "SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'everything%'")
    assert sorted(each[0].split("USING ")[1] for each in made) == ["btree (id)", "btree (word)"]


def test_names_of_any_length_have_indexes_of_their_own(everything, in_postgres, output, postgres):
    name = "n" * 50
    one, two = (
        output({"indexes": [["word"]]}, name=f"{name[:-1]}1"),
        output({"indexes": [["word"]]}, name=f"{name[:-1]}2"),
    )

    publish(in_postgres, everything, 1, one, two)

    made = rows(postgres, "SELECT count(*) FROM pg_indexes WHERE tablename LIKE 'nnn%'")
    assert made == [(4,)]


def test_a_snapshot_older_than_the_table_still_sees_rows(everything, in_postgres, output, postgres):
    publish(in_postgres, everything, 1, output())
    with connected(postgres) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT 1")
        publish(in_postgres, everything, 2, output(query="SELECT * FROM everything LIMIT 3"))

        assert reader.execute("SELECT count(*) FROM everything").fetchone() == (3,)


def test_a_reader_in_the_way_delays_the_switch_and_nobody_else(
    everything, in_postgres, output, postgres
):
    first, second = output(), output(query="SELECT * FROM everything LIMIT 3")
    publish(in_postgres, everything, 1, first)
    in_postgres.build(everything, manifest(2, second), second)
    switch = threading.Thread(target=in_postgres.publish, args=(manifest(2, second), [second]))
    waits = []

    with connected(postgres) as slow, connected(postgres, autocommit=True) as quick:
        slow.execute("SELECT count(*) FROM everything")
        switch.start()
        for _ in range(20):
            started = time.monotonic()
            assert quick.execute("SELECT count(*) FROM everything").fetchone() == (5,)
            waits.append(time.monotonic() - started)
            time.sleep(0.05)
        assert slow.execute("SELECT count(*) FROM everything").fetchone() == (5,)
        slow.rollback()
        switch.join()
        assert quick.execute("SELECT count(*) FROM everything").fetchone() == (3,)
    assert max(waits) < 1


def test_a_view_that_others_need_is_not_changed_under_them(
    everything, in_postgres, output, postgres
):
    publish(in_postgres, everything, 1, output())
    with connected(postgres, autocommit=True) as connection:
        connection.execute("CREATE VIEW theirs AS SELECT word FROM everything")
    narrow = output(query="SELECT id FROM everything", columns=COLUMNS[:1])
    more = output(query="SELECT * FROM everything LIMIT 2")

    with pytest.raises(StoreUnusable, match=r"public\.everything: .* theirs needs it"):
        in_postgres.ready([narrow])
    with pytest.raises(StoreUnusable, match=r"public\.everything: .* theirs needs it"):
        in_postgres.ready([])
    in_postgres.ready([more])


def test_what_somebody_else_made_is_not_replaced(everything, in_postgres, output, postgres):
    with connected(postgres, autocommit=True) as connection:
        connection.execute("CREATE VIEW everything AS SELECT 1 AS mine")

    with pytest.raises(StoreUnusable, match=r"public\.everything: is there already"):
        in_postgres.ready([output()])


def test_a_table_that_somebody_holds_is_swept_later(everything, in_postgres, output, postgres):
    whole = output()
    in_postgres.build(everything, manifest(1, whole), whole)
    (table,) = in_postgres._tables()

    with connected(postgres) as reader:
        reader.execute(f'SELECT count(*) FROM store."{table}"')
        in_postgres.sweep([])
        assert in_postgres._tables() == {table}
    in_postgres.sweep([])
    assert in_postgres._tables() == set()


def test_a_grant_on_a_view_that_is_made_anew_stays_with_its_option(
    everything, in_postgres, output, postgres
):
    publish(in_postgres, everything, 1, output())
    with connected(postgres, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS grantee")
        connection.execute("CREATE ROLE grantee")
        connection.execute("GRANT SELECT ON everything TO grantee WITH GRANT OPTION")
        connection.execute("GRANT SELECT ON everything TO PUBLIC")

    publish(
        in_postgres, everything, 2, output(query="SELECT id FROM everything", columns=COLUMNS[:1])
    )

    granted = rows(
        postgres,
        "SELECT grantee::regrole::text, is_grantable FROM pg_class, aclexplode(relacl)"
        " WHERE pg_class.oid = 'everything'::regclass AND grantee <> relowner ORDER BY 1",
    )
    assert granted == [("-", False), ("grantee", True), ("oso_reader", False)]


def test_an_address_that_does_not_answer_is_named_without_its_password():
    with pytest.raises(PostgresUnavailable) as caught:
        PostgresStore("host=127.0.0.1 port=1 dbname=oso user=me password=secret")

    assert str(caught.value).startswith("postgres: 127.0.0.1:1/oso: Connection refused; ")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def occupied() -> Iterator[Callable[[bytes], int]]:
    """Let something that is no Postgres listen at a port; it says one thing to whoever comes."""
    told = threading.Event()
    with ExitStack() as stack:

        def listen(words: bytes) -> int:
            class Handler(socketserver.BaseRequestHandler):
                def handle(self) -> None:
                    self.request.recv(1024)
                    self.request.sendall(words)
                    told.wait()

            server = stack.enter_context(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            stack.callback(told.set)
            return server.server_address[1]

        yield listen


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "received invalid response to SSL negotiation: H"),
        (b"", "connection timeout expired"),
    ],
)
def test_a_port_that_something_else_has_taken_is_one_clear_line(
    occupied, monkeypatch, words, reason
):
    monkeypatch.setattr(postgres_address, "CONNECT_SECONDS", 2)
    port = occupied(words)

    with pytest.raises(PostgresUnavailable) as caught:
        PostgresStore(f"host=127.0.0.1 port={port} dbname=oso")

    assert str(caught.value) == (
        f"postgres: 127.0.0.1:{port}/oso: {reason}; mend that, or name a server in OSO_POSTGRES_DSN"
    )


def test_an_address_that_is_none_is_one_clear_line():
    with pytest.raises(PostgresUnavailable, match=r"postgres: OSO_POSTGRES_DSN: "):
        PostgresStore("not an address")
