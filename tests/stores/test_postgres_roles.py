"""Whoever connects: what is published belongs to `oso_loader`, and readers may read and no more."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from oso_processors.errors import StoreUnusable
from oso_processors.stores.postgres import PostgresStore

from .conftest import ROWS, publish

OURS = ("oso_loader", "oso_reader", "app", "other")
OWNERS = """
SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relkind IN ('r', 'v', 'i')
  AND relnamespace IN ('store'::regnamespace, 'public'::regnamespace)
UNION SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'store'
"""
# What an installation looked like before there was an owner.
FORMER = """
CREATE SCHEMA store;
CREATE TABLE store._releases (
  number bigint PRIMARY KEY, manifest jsonb NOT NULL, tables jsonb NOT NULL, is_served boolean NOT NULL
);
CREATE TABLE store.everything__1 (id bigint NOT NULL);
INSERT INTO store.everything__1 VALUES (1);
CREATE VIEW everything AS SELECT id FROM store.everything__1;
CREATE VIEW theirs AS SELECT id FROM everything;
"""


@pytest.fixture
def on(server: str) -> Callable[..., str]:
    """Gives the address of an empty database of a server without our roles, for a user who is made."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS test WITH (FORCE)")
        for role in OURS:
            connection.execute(f"DROP ROLE IF EXISTS {role}")
        connection.execute("CREATE DATABASE test")
    here = server.replace("dbname=postgres", "dbname=test")

    def made(user: str, rights: str, *statements: str) -> str:
        with psycopg.connect(here, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {user} LOGIN {rights}")
            for each in statements:
                connection.execute(each)
        return here.replace("user=postgres", f"user={user}")

    yield made
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE test WITH (FORCE)")
        for role in OURS:
            connection.execute(f"DROP ROLE IF EXISTS {role}")


def run(dsn, *statements):
    with psycopg.connect(dsn, autocommit=True) as connection:
        for each in statements:
            found = connection.execute(each)
        return found.fetchall() if found.description else []


def as_superuser(dsn):
    return dsn.replace("user=app", "user=postgres")


def publish_in(dsn, warehouse, number, *outputs):
    store = PostgresStore(dsn)
    try:
        release = publish(store, warehouse, number, *outputs)
        store.sweep([release])
        return store.drift(release)
    finally:
        store.close()


MAY_MAKE_ROLES = {
    "a superuser": ("SUPERUSER",),
    "one who makes roles, in a database of their own": (
        "CREATEROLE",
        "ALTER DATABASE test OWNER TO app",
    ),
    "one who makes roles and inherits nothing": (
        "CREATEROLE NOINHERIT",
        "GRANT CREATE ON DATABASE test TO app",
        "GRANT CREATE ON SCHEMA public TO app WITH GRANT OPTION",
    ),
    "one who was granted what an administrator made": (
        "",
        "CREATE ROLE oso_loader NOLOGIN",
        "CREATE ROLE oso_reader NOLOGIN",
        "ALTER ROLE oso_reader SET statement_timeout = '60s'",
        "GRANT oso_loader TO app",
        "CREATE SCHEMA store AUTHORIZATION oso_loader",
        "GRANT CREATE ON SCHEMA public TO oso_loader",
    ),
}


@pytest.mark.parametrize("who", MAY_MAKE_ROLES)
def test_all_that_is_published_belongs_to_the_loader(on, everything, output, who):
    dsn = on("app", *MAY_MAKE_ROLES[who])
    whole, fewer = output(), output(query="SELECT * FROM everything LIMIT 2")

    told = [
        publish_in(dsn, everything, number, each) for number, each in enumerate((whole, fewer), 1)
    ]

    assert told == [[], []]
    assert run(dsn.replace("user=app", "user=postgres"), OWNERS) == [("oso_loader",)]
    assert run(dsn, "SET ROLE oso_loader", "SELECT * FROM everything ORDER BY id") == ROWS[:2]


def test_another_user_who_was_granted_the_loader_makes_the_next_release(on, everything, output):
    first = on("app", "CREATEROLE", "ALTER DATABASE test OWNER TO app")
    publish_in(first, everything, 1, output())
    second = on("other", "", "GRANT oso_loader TO other")

    assert publish_in(second, everything, 2, output(query="SELECT * FROM everything LIMIT 2")) == []


def test_readers_read_the_views_and_nothing_else_and_not_for_ever(on, everything, output):
    dsn = on("app", "CREATEROLE", "ALTER DATABASE test OWNER TO app")
    publish_in(dsn, everything, 1, output())
    reader = dsn.replace("user=app", "user=oso_reader")
    run(as_superuser(dsn), "ALTER ROLE oso_reader LOGIN")

    assert run(reader, "SELECT * FROM everything ORDER BY id") == ROWS
    assert run(reader, "SHOW statement_timeout") == [("1min",)]
    for refused in (
        "SELECT * FROM store._releases",
        "CREATE TABLE mine (id int)",
        "DELETE FROM everything",
        "SET ROLE oso_loader",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(reader, refused)


def test_who_makes_a_release_is_told_to_another_user(on):
    dsn = on("app", "CREATEROLE", "ALTER DATABASE test OWNER TO app")
    store = PostgresStore(dsn)
    try:
        reading = PostgresStore(as_superuser(dsn), is_reading=True)
        assert "oso, process " in (reading.holder() or "")
        reading.close()
    finally:
        store.close()


def test_who_may_set_up_nothing_is_told_what_an_administrator_has_to_run(on, everything, output):
    dsn = on("app", "")

    with pytest.raises(StoreUnusable) as caught:
        PostgresStore(dsn)

    told, _, statements = str(caught.value).partition("an administrator has to run: ")
    assert told == (
        "postgres: oso_loader: 'app' may not set it up; what was published before stays, "
    )
    assert statements == (
        'CREATE ROLE "oso_loader" NOLOGIN; CREATE ROLE "oso_reader" NOLOGIN;'
        " ALTER ROLE \"oso_reader\" SET statement_timeout = '60s';"
        ' GRANT "oso_loader" TO "app"; CREATE SCHEMA store AUTHORIZATION "oso_loader";'
        ' GRANT USAGE, CREATE ON SCHEMA public TO "oso_loader";'
        ' GRANT USAGE ON SCHEMA public TO "oso_reader"'
    )
    run(as_superuser(dsn), *statements.split("; "))
    assert publish_in(dsn, everything, 1, output()) == []


def test_who_lacks_only_the_grant_is_told_only_that(on):
    dsn = on("app", "", "CREATE ROLE oso_loader", "GRANT CREATE ON SCHEMA public TO oso_loader")
    run(
        as_superuser(dsn),
        "CREATE ROLE oso_reader",
        "ALTER ROLE oso_reader SET statement_timeout = '60s'",
        "CREATE SCHEMA store AUTHORIZATION oso_loader",
    )

    with pytest.raises(
        StoreUnusable, match=r'administrator has to run: GRANT "oso_loader" TO "app"$'
    ):
        PostgresStore(dsn)


def test_a_limit_for_readers_that_was_changed_is_set_again(on, everything, output):
    dsn = on("app", "CREATEROLE", "ALTER DATABASE test OWNER TO app")
    publish_in(dsn, everything, 1, output())
    run(as_superuser(dsn), "ALTER ROLE oso_reader SET statement_timeout = '1h'")

    reading = PostgresStore(as_superuser(dsn), is_reading=True)
    told = reading.drift(reading.served())
    reading.close()

    assert told == ["postgres: oso_reader: its statement_timeout is 1h and not 60s"]
    assert publish_in(dsn, everything, 2, output()) == []


@pytest.mark.parametrize("rights", ["SUPERUSER", "CREATEROLE", "CREATEROLE NOINHERIT"])
def test_what_an_earlier_version_made_is_taken_over_once(on, everything, output, rights):
    may = "GRANT CREATE ON SCHEMA public TO app WITH GRANT OPTION"
    dsn = on("app", rights, "GRANT CREATE ON DATABASE test TO app", may)
    run(dsn, FORMER, "CREATE VIEW mine AS SELECT 1 AS one")

    for _ in range(2):
        PostgresStore(dsn).close()

    owners = run(
        as_superuser(dsn),
        "SELECT relname, pg_get_userbyid(relowner) FROM pg_class WHERE relkind IN ('r', 'v')"
        " AND relnamespace IN ('store'::regnamespace, 'public'::regnamespace) ORDER BY 1",
    )
    assert owners == [
        ("_releases", "oso_loader"),
        ("everything", "oso_loader"),
        ("everything__1", "oso_loader"),
        ("mine", "app"),
        ("theirs", "app"),
    ]
    assert run(dsn, "SELECT id FROM theirs") == [(1,)]


def test_what_belongs_to_another_user_is_taken_over_by_that_user(on):
    dsn = on("app", "CREATEROLE", "ALTER DATABASE test OWNER TO app")
    on(
        "other",
        "",
        "GRANT CREATE ON DATABASE test TO other",
        "GRANT CREATE ON SCHEMA public TO other",
    )
    run(dsn.replace("user=app", "user=other"), FORMER)

    with pytest.raises(StoreUnusable, match=r"run `oso release` once as 'other'"):
        PostgresStore(dsn)


def test_a_schema_of_somebody_else_is_not_taken_over(on):
    dsn = on("app", "SUPERUSER", "CREATE SCHEMA store", "CREATE TABLE store.shelves (id int)")

    with pytest.raises(StoreUnusable, match="store: is there already and belongs to 'postgres'"):
        PostgresStore(dsn)
