"""Who is to be forgotten: what a person writes, and what raw rows say of it."""

from __future__ import annotations

import pytest

from oso_processors.collectors.lander import create_raw_tables
from oso_processors.collectors.persons import own_marked
from oso_processors.collectors.schema import sha256
from oso_processors.errors import ActorAmbiguous, ActorInvalid
from oso_processors.forgetting.actors import Actor, find, parse

HOME, WORK, OWN, OLD = (
    sha256(each)
    for each in (
        "ana@example.org",
        "ana@work.example",
        "7+ana@users.noreply.github.com",
        "ana@users.noreply.github.com",
    )
)


@pytest.fixture
def raw(warehouse):
    """A warehouse with every raw table."""
    create_raw_tables(warehouse)
    return warehouse


def event(raw, **values):
    _put(raw, "gharchive__events", values)


def commit(raw, **values):
    _put(raw, "git_history__commits", values)


def _put(raw, table, values):
    marks = ", ".join("?" * len(values))
    raw.execute(
        f"INSERT INTO raw.{table} ({', '.join(values)}) VALUES ({marks})", [*values.values()]
    )


def known(raw, *written):
    """What is known of somebody: ids, logins, hashes of addresses, repositories."""
    found = find(raw, own_marked(), [parse(each) for each in written])
    return tuple({*each} for each in (found.ids, found.logins, found.emails, found.repositories))


def test_an_actor_is_an_account_by_login_or_id_or_an_address_by_its_hash():
    assert [parse(each) for each in ("github:Ana", "github:7", "email:Ana@Example.org")] == [
        Actor("login", "ana", "github:Ana"),
        Actor("id", "7", "github:7"),
        Actor("email", HOME, "email:…"),
    ]


@pytest.mark.parametrize("written", ["ana", "github:", "gitlab:ana", "email:ana", "github:a/b"])
def test_what_names_no_actor_is_refused_with_how_to_write_it(written):
    with pytest.raises(ActorInvalid, match="write github:LOGIN, github:ID or email:ADDRESS"):
        parse(written)


def test_an_address_is_not_repeated_even_when_it_is_written_wrong():
    with pytest.raises(ActorInvalid) as caught:
        parse("email:ana@home@example.org")

    assert "ana" not in str(caught.value)


def test_to_a_login_belong_the_id_and_all_logins_and_addresses_of_the_account(raw):
    event(raw, actor_id=7, actor_login="Ana", repo_name="ana/dots")
    event(raw, actor_id=7, actor_login="ana-old")
    event(raw, actor_id=8, actor_login="bo", repo_name="bo/dots")
    commit(raw, author_email_sha256=OWN, author_canon_email_sha256=HOME, author_noreply_login="ana")
    commit(raw, author_email_sha256=WORK, author_canon_email_sha256=HOME)

    ids, logins, emails, repositories = known(raw, "github:ANA")

    assert (ids, logins, repositories) == ({"7"}, {"ana", "ana-old"}, {"ana/dots"})
    assert {HOME, WORK, OWN, OLD} <= emails


def test_an_address_under_the_accounts_own_name_in_its_pushes_is_the_accounts(raw):
    def commits(name, address):
        return [
            {"sha": "a", "is_distinct": True, "author_name": name, "author_email_sha256": address}
        ]

    event(raw, actor_id=7, actor_login="Ana-Lee", commits=commits("Ana Lee", HOME))
    event(raw, actor_id=7, actor_login="Ana-Lee", commits=commits("Bo", WORK))
    event(raw, actor_id=8, actor_login="bo", commits=commits("Ana Lee", WORK))

    emails = known(raw, "github:7")[2]

    assert HOME in emails
    assert WORK not in emails


def test_a_login_that_several_accounts_had_must_be_said_by_id(raw):
    event(raw, actor_id=7, actor_login="ana")
    event(raw, issue_user_id=12, issue_user_login="ana")

    with pytest.raises(ActorAmbiguous, match="name one: github:12, github:7"):
        known(raw, "github:ana")


def test_an_address_brings_no_account_with_it(raw):
    event(raw, actor_id=7, actor_login="ana")
    commit(raw, author_email_sha256=HOME, author_canon_email_sha256=WORK)

    assert known(raw, "email:ana@example.org") == (set(), set(), {HOME, WORK}, set())


def test_several_actors_are_one_person(raw):
    event(raw, actor_id=7, actor_login="ana")

    ids, logins, emails, _ = known(raw, "github:7", "email:ana@example.org")

    assert (ids, logins, HOME in emails) == ({"7"}, {"ana"}, True)


def test_a_repository_that_a_directory_lists_keeps_its_name(raw):
    for name in ("ana/dots", "Ana/Listed", "ana/history"):
        event(raw, actor_id=7, actor_login="ana", repo_name=name)
    listed = {"artifact_source": "GITHUB", "artifact_namespace": "ana", "artifact_name": "listed"}
    _put(raw, "oss_directory__project_artifacts", listed)
    commit(raw, repo="ana/history")

    assert known(raw, "github:7")[3] == {"ana/dots"}
