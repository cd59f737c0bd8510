"""What is there no more as it was published is named, and a kept release can be shown again."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import duckdb
import orjson
import psycopg
import pytest

from oso_processors.errors import ReleaseLocked, StoreUnusable
from oso_processors.release.verify import drifted
from oso_processors.stores.files import FilesStore
from oso_processors.stores.postgres import PostgresStore

from .conftest import manifest, publish


@pytest.fixture
def whole(output):
    """A table of everything that has an index of its own."""
    return output({"indexes": [["word"]]})


def test_what_was_published_is_there_as_it_was(store, everything, whole, output):
    nothing = output(name="nothing", query="SELECT * FROM everything LIMIT 0")

    release = publish(store, everything, 1, whole, nothing)

    assert store.drift(release) == []


def test_a_kept_release_that_readers_do_not_see_is_checked_too(store, everything, whole, output):
    release = publish(store, everything, 1, whole)
    publish(store, everything, 2, output(query="SELECT * FROM everything LIMIT 2"))

    assert store.drift(release) == []


def test_a_kept_release_is_shown_again_with_no_row_copied(store, everything, whole, output):
    more = output(name="more")
    first = publish(store, everything, 1, whole)
    second = publish(store, everything, 2, output(query="SELECT * FROM everything LIMIT 2"), more)
    everything.execute("DROP TABLE everything")

    store.switch(first)

    assert store.served() == first
    assert store.drift(first) == []
    assert [each.number for each in store.kept()] == [1]
    store.switch(second)
    assert store.served() == second
    assert store.drift(second) == []


def test_a_release_that_is_not_kept_is_not_shown(store, everything, whole, output):
    first = publish(store, everything, 1, whole)
    second = publish(store, everything, 2, output(query="SELECT * FROM everything LIMIT 2"))
    store.sweep([second])

    with pytest.raises(StoreUnusable):
        store.switch(first)
    with pytest.raises(StoreUnusable):
        store.switch(replace(second, reason="another"))

    assert store.served() == second


IN_POSTGRES = {
    "a changed cell": (
        "UPDATE {table} SET word = 'other' WHERE id = 1",
        ["everything: its rows changed: their checksum is {found} and not {wanted}"],
    ),
    "a row that is gone": (
        "DELETE FROM {table} WHERE id = 1",
        ["everything: it has 4 rows and not 5"],
    ),
    "a view that shows less": (
        "CREATE OR REPLACE VIEW everything AS SELECT * FROM {table} WHERE id < 3",
        ["everything: it has 2 rows and not 5"],
    ),
    "a dropped index": (
        "DROP INDEX {word_index}",
        ["everything: its index on (word) is missing"],
    ),
    "a dropped unique index": (
        "DROP INDEX {grain_index}",
        ["everything: its unique index on (id) is missing"],
    ),
    "a grain that may be NULL": (
        "ALTER TABLE {table} ALTER id DROP NOT NULL",
        ["everything: its table: column id may be NULL"],
    ),
    "a column that was added": (
        "ALTER TABLE {table} ADD more text",
        ["everything: its table: column more was added"],
    ),
    "a dropped view": ("DROP VIEW everything", ["everything: its view is gone"]),
    "a dropped table": (
        "DROP TABLE {table} CASCADE",
        ["everything: its table is gone", "everything: its view is gone"],
    ),
    "a view with other columns": (
        "DROP VIEW everything; CREATE VIEW everything AS SELECT id, word::varchar(9) FROM {table};"
        " GRANT SELECT ON everything TO oso_reader",
        [
            "everything: its view: its owner is postgres and not oso_loader",
            "everything: its view: column amount is gone",
            "everything: its view: column small is gone",
            "everything: its view: column narrow is gone",
            "everything: its view: column is_on is gone",
            "everything: its view: column day is gone",
            "everything: its view: column at is gone",
            "everything: its view: column words is gone",
            "everything: its view: column word is character varying(9) and not text",
            "everything: its view: its description was edited",
            "everything: its view: the description of column id was edited",
            "everything: its view: the description of column word was edited",
        ],
    ),
    "an edited description": (
        "COMMENT ON VIEW everything IS 'Other words.'; COMMENT ON COLUMN {table}.word IS NULL",
        [
            "everything: its table: the description of column word was edited",
            "everything: its view: its description was edited",
        ],
    ),
    "a revoked grant": (
        "REVOKE SELECT ON everything FROM oso_reader",
        ["everything: its view: oso_reader may not read it"],
    ),
    "a schema that was closed": (
        "REVOKE USAGE ON SCHEMA public FROM oso_reader, PUBLIC",
        ["public: oso_reader may not use the schema"],
    ),
    "a schema that was opened": (
        "GRANT USAGE ON SCHEMA store TO oso_reader",
        ["store: oso_reader may use the schema, which is none of its business"],
    ),
    "something else that readers see": (
        "CREATE TABLE extra (id int); GRANT SELECT ON extra TO oso_reader",
        ["extra: oso_reader reads it, and it is no part of the release"],
    ),
    "a table that was given away": (
        "ALTER TABLE {table} OWNER TO postgres",
        [
            "everything: its table: its owner is postgres and not oso_loader",
            "everything: its rows cannot be read: permission denied for table {name}",
        ],
    ),
    "a schema that was given away": (
        "ALTER SCHEMA store OWNER TO postgres",
        ["store: its owner is postgres and not oso_loader"],
    ),
    "readers with another limit here": (
        "ALTER ROLE oso_reader IN DATABASE test SET statement_timeout = '1h'",
        ["oso_reader: its statement_timeout is 1h and not 60s"],
    ),
    "what only others see": ("CREATE VIEW theirs AS SELECT id FROM everything", []),
}


@pytest.mark.parametrize("what", IN_POSTGRES)
def test_what_drifted_in_postgres_is_named(in_postgres, postgres, everything, whole, what):
    damage, said = IN_POSTGRES[what]
    release = publish(in_postgres, everything, 1, whole)
    with psycopg.connect(postgres, autocommit=True) as connection:
        indexes = connection.execute(
            "SELECT format('%I.%I', schemaname, indexname) FROM pg_indexes"
            " WHERE schemaname = 'store' AND tablename <> '_releases' ORDER BY indexdef LIKE '%(id)'"
        ).fetchall()
        (name,) = in_postgres._tables()
        names = {
            "table": f'store."{name}"',
            "word_index": indexes[0][0],
            "grain_index": indexes[1][0],
        }
        connection.execute(damage.format_map(names))
    reading = PostgresStore(postgres, is_reading=True)

    told = reading.drift(release)

    reading.close()

    found = in_postgres.measure(release, whole).checksum if "{found}" in "".join(said) else ""
    wanted = [each.format(found=found, wanted=whole.checksum, name=name) for each in said]
    assert told == [f"postgres: {each}" for each in wanted]


def test_a_role_that_is_gone_is_named(in_postgres, postgres, everything, whole):
    release = publish(in_postgres, everything, 1, whole)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("ALTER ROLE oso_reader RENAME TO oso_reader_before")
        try:
            told = in_postgres.drift(release)
        finally:
            connection.execute("ALTER ROLE oso_reader_before RENAME TO oso_reader")

    assert told == [
        "postgres: everything: its view: oso_reader may not read it",
        "postgres: oso_reader: the role is gone",
    ]


def test_an_owner_that_is_gone_is_named(in_postgres, postgres, everything, whole):
    release = publish(in_postgres, everything, 1, whole)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("ALTER ROLE oso_loader RENAME TO oso_loader_before")
        try:
            told = in_postgres.drift(release)
        finally:
            connection.execute("ALTER ROLE oso_loader_before RENAME TO oso_loader")

    assert told == [
        "postgres: everything: its table: its owner is oso_loader_before and not oso_loader",
        "postgres: everything: its view: its owner is oso_loader_before and not oso_loader",
        "postgres: oso_loader: the role is gone",
        "postgres: store: its owner is oso_loader_before and not oso_loader",
    ]


@pytest.fixture
def files(tmp_path):
    return FilesStore(tmp_path / "releases")


def rewrite(path, query):
    duckdb.sql(f"COPY ({query.format(path)}) TO '{path}.new' (FORMAT parquet)")
    path.with_name(f"{path.name}.new").replace(path)


ROWS = {
    "one row less": ("FROM '{}' LIMIT 4", "it has 4 rows and not 5"),
    "a changed cell": (
        "SELECT * REPLACE (if(id = 1, 'other', word) AS word) FROM '{}'",
        "its rows changed: their checksum is {found} and not {wanted}",
    ),
    "another type": (
        "SELECT * REPLACE (id::INTEGER AS id) FROM '{}'",
        "column id is INTEGER and not BIGINT",
    ),
    "a column more": ("SELECT *, 1 AS more FROM '{}'", "column more was added"),
}


@pytest.mark.parametrize("what", ROWS)
def test_what_changed_in_a_file_is_named(files, everything, whole, what):
    query, said = ROWS[what]
    release = publish(files, everything, 1, whole)
    rewrite(files.place.root / "r1" / "everything" / "data.parquet", query)

    told = files.drift(release)

    found = files.measure(release, whole).checksum
    assert told == [
        "files: everything: its file everything/data.parquet was changed: its SHA-256 is another",
        f"files: everything: {said.format(found=found, wanted=whole.checksum)}",
    ]


def test_files_that_are_gone_broken_or_added_are_named(files, everything, whole, output):
    release = publish(files, everything, 1, whole, output(name="other"))
    (files.place.root / "r1" / "everything" / "data.parquet").unlink()
    (files.place.root / "r1" / "other" / "data.parquet").write_bytes(b"broken")
    (files.place.root / "r1" / "more.parquet").write_bytes(b"")

    told = files.drift(release)

    assert told[:2] == [
        "files: everything: its file everything/data.parquet is gone",
        "files: other: its file other/data.parquet was changed: its SHA-256 is another",
    ]
    assert told[2].startswith("files: other: its files cannot be read: ")
    assert told[3:] == ["files: more.parquet: the file is no part of the release"]


@pytest.mark.parametrize("body", [b"{", b'{"number": 1}', b"[]"])
@pytest.mark.parametrize("name", ["latest.json", "r1/manifest.json"])
def test_what_says_which_release_it_is_may_be_broken_too(
    files, in_postgres, everything, whole, name, body
):
    for store in (files, in_postgres):
        publish(store, everything, 1, whole)
    (files.place.root / name).write_bytes(body)

    release, (unserved, broken) = drifted([files, in_postgres])

    assert release == in_postgres.served()
    assert unserved == "files: _releases: it serves no release and not r1"
    assert broken.startswith(f"files: {Path(name).name}: cannot be read: ")


class Overtaken(FilesStore):
    """A store in which another release takes the place of the first while that is compared."""

    def drift(self, release):
        if release.number == 1:
            body = orjson.loads((self.place.root / "r1" / "manifest.json").read_bytes())
            (self.place.root / "r1").rename(self.place.root / "r2")
            body["number"] = 2
            (self.place.root / "r2" / "manifest.json").write_bytes(orjson.dumps(body))
            (self.place.root / "latest.json").write_bytes(b'{"release": "r2"}')
        return super().drift(release)


def test_a_release_that_is_swept_while_it_is_compared_is_no_drift(files, everything, whole):
    publish(files, everything, 1, whole)

    release, lines = drifted([Overtaken(files.place.root)])

    assert (release.id, lines) == ("r2", [])


def test_words_that_were_edited_in_the_manifest_are_named(files, everything, whole):
    release = publish(files, everything, 1, whole)
    path = files.place.root / "r1" / "manifest.json"
    body = orjson.loads(path.read_bytes())
    body["tables"][0]["description"] = "Other words."
    body["tables"][0]["columns"][1]["description"] = ""
    path.write_bytes(orjson.dumps(body))

    assert files.drift(release) == [
        "files: everything: its description was edited",
        "files: everything: the description of column word was edited",
    ]


def test_a_reader_of_the_store_is_not_stopped_by_a_release_and_sees_who_makes_it(
    in_postgres, postgres, everything, whole
):
    release = publish(in_postgres, everything, 1, whole)

    reading = PostgresStore(postgres, is_reading=True)
    try:
        assert reading.served() == release
        assert reading.drift(release) == []
        assert "oso, process " in (reading.holder() or "")
        in_postgres.close()
        # The server lets go when its process has ended.
        end = time.monotonic() + 10
        while reading.holder() and time.monotonic() < end:
            time.sleep(0.01)
        assert reading.holder() is None
        with pytest.raises(StoreUnusable, match="read-only transaction"):
            reading.switch(release)
    finally:
        reading.close()


def test_a_release_that_is_made_says_by_whom(in_postgres, postgres):
    with pytest.raises(ReleaseLocked, match=r"postgres: oso, process \d+ on .* since .* UTC: "):
        PostgresStore(postgres)


def test_a_database_that_nothing_was_published_in_can_be_read(postgres):
    reading = PostgresStore(postgres, is_reading=True)
    try:
        assert (reading.served(), reading.kept(), reading.left_over()) == (None, [], [])
    finally:
        reading.close()


def test_what_is_left_over_is_named_until_it_is_swept(store, everything, whole, output):
    release = publish(store, everything, 1, whole)
    unfinished = output(query="SELECT * FROM everything LIMIT 2")
    store.build(everything, manifest(2, unfinished), unfinished)

    assert len(store.left_over()) == 1
    store.sweep([release])
    assert store.left_over() == []
