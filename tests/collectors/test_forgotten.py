"""Raw rows of a person who was forgotten, and rows that come later."""

from __future__ import annotations

import gzip

import duckdb
import orjson
import pytest

from oso_processors.collectors.connector import Connector
from oso_processors.collectors.forgotten import Forgotten
from oso_processors.collectors.lander import collect, create_raw_tables
from oso_processors.collectors.persons import own_marked
from oso_processors.collectors.pseudonyms import Known, rewrite
from oso_processors.collectors.schema import sha256
from oso_processors.errors import OtherActorKey

MAIL = sha256("ana@example.org")
ANA = Known(
    ids={"7": "secret"},
    logins={"ana": "secret", "ana-old": "secret"},
    emails={MAIL: "secret"},
    repositories={"ana/dots": "secret"},
)
COLUMNS = (
    "actor_id, actor_login, issue_user_login, repo_name, ref, commits[1].author_name,"
    " commits[1].author_email_sha256"
)


@pytest.fixture
def raw(warehouse):
    """A warehouse with every raw table."""
    create_raw_tables(warehouse)
    return warehouse


def put(raw, number, load=1, commits=None, **values):
    """Put an event into the raw table; other columns are NULL."""
    author = {"author_name": None, "author_email_sha256": None, **(commits or {})}
    row = {"id": str(number), **values, "commits": [{"sha": "s", "is_distinct": True, **author}]}
    names = ", ".join(row)
    raw.execute(
        f"INSERT INTO raw.gharchive__events ({names}, _load_id)"
        f" VALUES ({', '.join('?' * len(row))}, {load})",
        list(row.values()),
    )


def forget(raw, known=ANA):
    """Forget somebody in all raw rows; return what was rewritten by table."""
    Forgotten.of(raw, "key").add(known)
    return {each.table: rewrite(raw, each, known) for each in own_marked()}


def events(raw):
    return raw.execute(f"SELECT {COLUMNS} FROM raw.gharchive__events ORDER BY id").fetchall()


def pseudonyms(raw):
    """What stands for Ana's id, login and address."""
    put(raw, 0, 99, {"author_email_sha256": MAIL}, actor_id=7, actor_login="ana")
    Forgotten.of(raw, "key").replace(own_marked(), 99)
    found = raw.execute(
        "DELETE FROM raw.gharchive__events WHERE _load_id = 99"
        " RETURNING actor_id, actor_login, commits[1].author_email_sha256"
    ).fetchone()
    return found


def test_the_same_value_gets_the_same_pseudonym_wherever_it_stands(raw):
    put(raw, 1, actor_id=7, actor_login="Ana", repo_name="ana/dots", ref="refs/heads/ana-1")
    put(raw, 2, actor_id=8, actor_login="bo", issue_user_login="ana", repo_name="Ana/Dots")
    put(raw, 3, 1, {"author_name": "Ana M.", "author_email_sha256": MAIL}, repo_name="who/what")

    done = forget(raw)["gharchive__events"]

    number, login, mail = pseudonyms(raw)
    _, _, _, _, _, name, _ = events(raw)[2]
    assert events(raw) == [
        (number, login, None, f"{login}/dots", None, None, None),
        (8, "bo", login, f"{login}/Dots", None, None, None),
        (None, None, None, "who/what", None, name, mail),
    ]
    assert number < 0
    assert name.startswith("forgotten-")
    counts = {"actor_id": 1, "actor_login": 1, "issue_user_login": 1, "repo_name": 2, "ref": 1}
    assert (done.row_count, done.columns) == (3, {**counts, "commits": 1})


def test_a_login_beside_the_id_of_another_account_is_that_accounts(raw):
    put(raw, 1, actor_id=8, actor_login="ana")
    put(raw, 2, actor_login="ana")

    forget(raw)

    assert [row[1] == "ana" for row in events(raw)] == [True, False]


def test_a_login_of_which_no_id_is_known_is_forgotten_beside_any(raw):
    put(raw, 1, actor_id=8, actor_login="ana")

    forget(raw, Known(logins={"ana": "secret"}, without_id=frozenset({"secret"})))

    ((number, login, *_),) = events(raw)
    assert number < 0
    assert login.startswith("forgotten-")


def test_a_bot_stays_a_bot(raw):
    put(raw, 1, actor_login="robot[bot]")
    put(raw, 2, actor_login="listed")

    bots = {"robot[bot]": "one", "listed": "other"}
    forget(raw, Known(logins=bots, without_id=frozenset(bots.values()), bots=frozenset({"other"})))

    assert all(row[1].endswith("[bot]") for row in events(raw))


def test_what_was_set_aside_is_blanked_where_it_names_the_person(raw):
    values = ['{"login":"ana","x":', '{"email":"ana@example.org"', '{"login":"banana"', '{"id":7,']
    for value in values:
        raw.execute("INSERT INTO raw.rejects (value, _load_id) VALUES (?, 1)", [value])

    forget(raw)

    found = raw.execute("SELECT value FROM raw.rejects").fetchall()
    assert found == [(None,), (None,), ('{"login":"banana"',), (None,)]


def test_nothing_of_an_identifier_is_kept_but_its_keyed_hash(raw):
    forget(raw)

    kept = raw.execute("SELECT CAST(f AS VARCHAR) FROM raw._forgotten AS f").fetchall()
    assert len(kept) == 4
    assert not [row for row in kept if "ana" in row[0] or MAIL in row[0] or "'7'" in row[0]]


def test_another_key_would_bring_everybody_back_and_is_refused(raw):
    forget(raw)

    with pytest.raises(OtherActorKey, match="OSO_ACTOR_KEY: is not the one"):
        Forgotten.of(raw, "other")


def a_day(folder, *lines):
    """An hour of GH Archive."""
    folder.mkdir()
    content = b"\n".join(orjson.dumps(each) if isinstance(each, dict) else each for each in lines)
    (folder / "2024-05-01-9.json.gz").write_bytes(gzip.compress(content))
    return folder


@pytest.mark.parametrize("mode", ["files", "records"])
def test_who_was_forgotten_does_not_come_back_with_what_lands_later(raw, tmp_path, quiet, mode):
    forget(raw)
    by_ana = {
        "id": "1",
        "type": "PushEvent",
        "created_at": "2024-05-01T09:00:00Z",
        "actor": {"id": 7, "login": "ana-renamed"},
        "repo": {"id": 1, "name": "ana-renamed/new"},
        "payload": {"commits": [{"author": {"name": "Ana", "email": "ana@example.org"}}]},
    }
    by_bo = {
        **by_ana,
        "id": "2",
        "actor": {"id": 8, "login": "bo"},
        "repo": {"id": 2, "name": "ana/dots"},
    }
    by_bo["payload"] = {"commits": [{"author": {"name": "Bo", "email": "bo@example.org"}}]}
    folder = a_day(tmp_path / "hours", by_ana, by_bo, b'{"id":"3","actor":{"login":"ana"')
    config = {"folder": str(folder), "mode": mode}

    landed = collect(
        raw, Connector("gharchive", ["source-gharchive"], config), quiet, actor_key="key"
    )

    number, login, mail = pseudonyms(raw)
    (who, renamed, _, repository, _, name, address), bo = events(raw)
    assert (who, repository, address) == (number, f"{renamed}/new", mail)
    assert all(each.startswith("forgotten-") for each in (renamed, name))
    assert bo == (8, "bo", None, f"{login}/dots", None, "Bo", sha256("bo@example.org"))
    assert raw.execute("SELECT value FROM raw.rejects").fetchall() == [(None,)]
    assert landed.rows["events"] == 2


def test_a_login_that_shows_later_beside_a_known_id_is_remembered(raw):
    forget(raw)
    put(raw, 1, 1, actor_id=7, actor_login="ana-renamed")
    put(raw, 2, 2, actor_login="Ana-Renamed", repo_name="ana-renamed/dots")

    for load in (1, 2):
        Forgotten.of(raw, "key").replace(own_marked(), load)

    (_, login, *_), (_, again, _, repository, *_) = events(raw)
    assert login == again
    assert repository == f"{login}/dots"


def test_while_nobody_is_forgotten_nothing_is_looked_up(raw):
    put(raw, 1, actor_login="ana")
    forgotten = Forgotten.of(raw, "key")
    raw.execute("DROP TABLE raw._forgotten")

    forgotten.replace(own_marked(), 1)

    assert events(raw)[0][1] == "ana"
    with pytest.raises(duckdb.CatalogException):
        Forgotten(raw, "key", is_empty=False).replace(own_marked(), 1)
