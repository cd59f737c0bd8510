"""Tables that are kept by their differences are what their queries give, whatever changed before them."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from oso_processors.differences.inputs import Inputs
from oso_processors.differences.kept import BUILDS_KEPT, Held, Kept
from oso_processors.differences.writing import begin, update

FIRST = date(2026, 1, 1)
# What is collected: facts by day, members of entities, days that ended. Nothing of it has a memory.
RAW = """
CREATE TABLE _sm.facts (source INT, person INT, activity_date DATE, event_count INT);
CREATE TABLE _sm.renamed (source INT, repository INT);
INSERT INTO _sm.renamed SELECT unnest(range(6)), unnest(range(6));
CREATE TABLE _sm.authored (repository INT, person INT, activity_date DATE);
CREATE TABLE _sm.listed (entity VARCHAR, repository INT);
CREATE TABLE _sm.last_day (last_date DATE);
"""
# The way of the project's own models, each by its query, cells, ways through, and what its log tells besides.
MODELS = {
    "commits": (
        "SELECT repository, person, activity_date, count(*) AS commit_count FROM oso._sm.authored AS authored"
        " GROUP BY repository, person, activity_date",
        ("repository", "person", "activity_date"),
        (),
        (),
        (),
    ),
    "days": (
        "SELECT repository, person, activity_date, sum(event_count) AS event_count FROM ("
        "SELECT repository, person, activity_date, event_count FROM oso._sm.facts AS facts"
        " JOIN oso._sm.renamed AS renamed ON renamed.source = facts.source"
        " UNION ALL SELECT repository, person, activity_date, commit_count FROM oso._sm.commits AS commits"
        ") AS found GROUP BY repository, person, activity_date",
        ("repository", "person", "activity_date"),
        ("repository", "activity_date"),
        (),
        (),
    ),
    "members": (
        "SELECT DISTINCT entity, hash(entity) AS subject, repository FROM oso._sm.listed AS listed",
        ("entity", "repository"),
        (),
        (),
        ("subject",),
    ),
    "calendar": (
        "SELECT unnest(['daily', 'monthly', 'all_time']) AS bucket, activity_date,"
        " unnest([activity_date, date_trunc('month', activity_date)::DATE, DATE '1970-01-01'])"
        " AS sample_date FROM (SELECT unnest(generate_series(DATE '2026-01-01', last_date,"
        " INTERVAL 1 DAY))::DATE AS activity_date FROM oso._sm.last_day AS last_day) AS days",
        ("bucket", "activity_date"),
        (),
        (),
        (),
    ),
    "subjects": (
        "SELECT subject, entity, count(*) AS repository_count FROM oso._sm.members AS members"
        " GROUP BY subject, entity",
        ("subject",),
        ("subject",),
        (),
        ("entity",),
    ),
    "activity": (
        "SELECT members.subject, calendar.bucket, calendar.sample_date, days.person,"
        " sum(days.event_count) AS event_count FROM oso._sm.days AS days"
        " JOIN oso._sm.members AS members ON members.repository = days.repository"
        " JOIN oso._sm.calendar AS calendar ON calendar.activity_date = days.activity_date"
        " GROUP BY members.subject, calendar.bucket, calendar.sample_date, days.person",
        ("subject", "bucket", "sample_date", "person"),
        ("subject",),
        ("days", "members"),
        (),
    ),
    "people": (
        "SELECT subject, bucket, sample_date, count(*) AS amount FROM oso._sm.activity AS activity"
        " GROUP BY subject, bucket, sample_date",
        ("subject", "bucket", "sample_date"),
        ("subject", "bucket", "sample_date"),
        (),
        (),
    ),
    "first_days": (
        "SELECT subject, person, min(sample_date) AS first_date FROM oso._sm.activity AS activity"
        " WHERE bucket = 'daily' GROUP BY subject, person",
        ("subject", "person"),
        ("subject",),
        (),
        (),
    ),
    "lengths": (
        "SELECT bucket, sample_date, count(*) AS day_count FROM oso._sm.calendar AS calendar"
        " GROUP BY bucket, sample_date",
        ("bucket", "sample_date"),
        ("bucket", "sample_date"),
        (),
        (),
    ),
    "published": (
        "SELECT subjects.entity, people.bucket, people.sample_date, people.amount,"
        " subjects.repository_count, lengths.day_count FROM oso._sm.measured AS people"
        " JOIN oso._sm.subjects AS subjects ON subjects.subject = people.subject"
        " JOIN oso._sm.lengths AS lengths ON lengths.bucket = people.bucket"
        " AND lengths.sample_date = people.sample_date",
        ("entity", "bucket", "sample_date"),
        ("entity", "sample_date"),
        ("subjects",),
        (),
    ),
}
VIEW = "CREATE VIEW oso._sm.measured AS SELECT * FROM oso._sm.people AS people"
AT = {name: exp.table_(name, "_sm", "oso", quoted=True) for name in MODELS}


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        opened.execute("ATTACH ':memory:' AS oso; USE oso; CREATE SCHEMA _sm")
        yield opened


def fresh(connection) -> None:
    """Empty the warehouse, and build it for the first time."""
    connection.execute(f"DROP SCHEMA _sm CASCADE; CREATE SCHEMA _sm; {RAW}")
    connection.execute("INSERT INTO _sm.last_day VALUES (DATE '2026-01-20')")
    for name, (query, grain, _, _, tells) in MODELS.items():
        if name == "published":
            connection.execute(VIEW)
        connection.execute(f"CREATE TABLE _sm.{name} AS {query}")
        target = Kept(connection, AT[name])
        inputs(connection, name).concerned(target)
        begin(target, (*grain, *tells))


def inputs(connection, name: str) -> Inputs:
    query, _, cells, through, _ = MODELS[name]
    parsed = parse_one(query, dialect="duckdb")
    return Inputs(connection, parsed, cells, [Held(connection, AT[each]) for each in through])


def build(connection, *left_out: str) -> None:
    for name in MODELS:
        if name not in left_out:
            connection.execute("BEGIN")
            target, read = Kept(connection, AT[name]), inputs(connection, name)
            update(target, read, read.concerned(target))
            connection.execute("COMMIT")


def wrong(connection) -> list[str]:
    """Return the tables that are not what their queries give."""
    found = []
    for name, (query, *_) in MODELS.items():
        kept = f"SELECT * FROM _sm.{name}"
        if connection.execute(
            f"(({kept}) EXCEPT ALL ({query})) UNION ALL (({query}) EXCEPT ALL ({kept}))"
        ).fetchall():
            found.append(name)
    return found


small = st.integers(0, 5)
days = st.integers(0, 45).map(lambda each: FIRST + timedelta(days=each))
entities = st.sampled_from("abcd")
changes = st.one_of(
    st.tuples(st.just(said), st.tuples(*values))
    for said, values in {
        "INSERT INTO _sm.facts VALUES (?, ?, ?, 1)": (small, small, days),
        "INSERT INTO _sm.authored VALUES (?, ?, ?)": (small, small, days),
        "DELETE FROM _sm.authored WHERE repository = ?": (small,),
        "UPDATE _sm.renamed SET repository = ? WHERE source = ?": (small, small),
        "DELETE FROM _sm.facts WHERE person = ? AND activity_date > ?": (small, days),
        "UPDATE _sm.facts SET person = ? WHERE person = ?": (small, small),
        "INSERT INTO _sm.listed VALUES (?, ?)": (entities, small),
        "DELETE FROM _sm.listed WHERE entity = ?": (entities,),
        "UPDATE _sm.listed SET entity = ? WHERE repository = ?": (entities, small),
        "UPDATE _sm.last_day SET last_date = ?": (days,),
    }.items()
)
# Some builds end before all tables are built, as when one is killed.
builds = st.lists(
    st.tuples(st.lists(changes, min_size=1, max_size=5), st.sets(st.sampled_from(sorted(MODELS)))),
    max_size=6,
)


@settings(max_examples=30, deadline=None)
@given(st.lists(changes, max_size=40), builds)
def test_whatever_changed_each_table_is_what_its_query_gives(connection, begun, later):
    fresh(connection)
    for said, values in begun:
        connection.execute(said, values)
    for statements, left_out in [([], set()), *later, ([], set())]:
        for said, values in statements:
            connection.execute(said, values)
        build(connection, *left_out)
    assert wrong(connection) == []


@pytest.fixture
def numbers(connection):
    """A kept table of whatever is in another, which may hold a row twice."""
    connection.execute("DROP SCHEMA _sm CASCADE; CREATE SCHEMA _sm")
    connection.execute(
        "CREATE TABLE _sm.given (number INT); INSERT INTO _sm.given VALUES (1), (1), (2)"
    )
    connection.execute("CREATE TABLE _sm.numbers AS FROM _sm.given")
    query = parse_one("SELECT given.number FROM oso._sm.given AS given", dialect="duckdb")
    place = exp.table_("numbers", "_sm", "oso", quoted=True)

    def again() -> list[int]:
        target, read = Kept(connection, place), Inputs(connection, query, (), ())
        update(target, read, read.concerned(target))
        rows = connection.execute("SELECT number FROM _sm.numbers ORDER BY number").fetchall()
        return [number for (number,) in rows]

    target = Kept(connection, place)
    Inputs(connection, query, (), ()).concerned(target)
    begin(target, ("number",))
    return again


def test_rows_that_stand_twice_are_kept_as_the_query_gives_them(connection, numbers):
    connection.execute("DELETE FROM _sm.given; INSERT INTO _sm.given VALUES (1), (2), (2)")

    assert numbers() == [1, 2, 2]


def test_a_log_tells_of_the_last_builds_and_no_more(connection, numbers):
    for number in range(3, 3 + BUILDS_KEPT + 5):
        connection.execute(f"INSERT INTO _sm.given VALUES ({number})")
        numbers()

    kept = Kept(connection, exp.table_("numbers", "_sm", "oso", quoted=True))
    logged = "SELECT min(_build), count(*) FROM _sm.numbers__log"
    assert connection.execute(logged).fetchone() == (6, BUILDS_KEPT)
    assert kept.build_of(f"{kept.own['since']}:5") == 5
    assert kept.build_of(f"{kept.own['since']}:4") is None
    assert kept.build_of("another:5") is None
