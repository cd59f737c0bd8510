"""Raw rows of a person who was forgotten, and those that come later."""

from __future__ import annotations

import pytest

from oso_processors.collectors.forgotten import Forgotten
from oso_processors.collectors.lander import create_raw_tables
from oso_processors.collectors.persons import own_marked
from oso_processors.collectors.pseudonyms import Known, rewrite
from oso_processors.errors import OtherActorKey

KNOWN = Known({"7": "s"}, {"ana": "s", "ann": "s"}, {"e" * 64: "s"})
EVENT = (
    "INSERT INTO raw.gharchive__events BY NAME SELECT '{id}' AS id, {actor_id} AS actor_id,"
    " {login} AS actor_login, 'who/what' AS repo_name, {ref} AS ref, {load} AS _load_id,"
    " [{{sha: 'a', is_distinct: true, author_name: 'Ana', author_email_sha256: {email}}}] AS commits"
)


@pytest.fixture
def raw(warehouse):
    """A warehouse with every raw table."""
    create_raw_tables(warehouse)
    return warehouse


def put(raw, id="1", actor_id="NULL", login="NULL", ref="NULL", email="'x'", load=1):
    raw.execute(
        EVENT.format(id=id, actor_id=actor_id, login=login, ref=ref, email=email, load=load)
    )


def forget(raw, known=KNOWN):
    Forgotten.of(raw, "key").add(known)
    return {each.table: rewrite(raw, each, known) for each in own_marked()}


def events(raw):
    return raw.execute(
        "SELECT actor_id, actor_login, ref, commits[1].author_name, commits[1].author_email_sha256"
        " FROM raw.gharchive__events ORDER BY id"
    ).fetchall()


def test_try(raw):
    put(raw, "1", "7", "'Ana'", "'refs/heads/ana-1'", f"'{'e' * 64}'")
    put(raw, "2", "8", "'ana'")
    put(raw, "3", "NULL", "'ANA'")
    put(raw, "4", "9", "'bo'")
    print(forget(raw)["gharchive__events"])
    print(*events(raw), sep="\n")
    put(raw, "5", "7", "'annette'", load=2, email=f"'{'e' * 64}'")
    f = Forgotten.of(raw, "key")
    raw.execute(
        "INSERT INTO raw.rejects VALUES ('gharchive','f','p','r','{\"actor\":{\"login\":\"ana\"', 2, now())"
    )
    f.replace(own_marked(), 2)
    print(*events(raw), sep="\n")
    print(raw.sql("from raw.rejects"))
    with pytest.raises(OtherActorKey):
        Forgotten.of(raw, "other")
