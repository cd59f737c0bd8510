"""Readers' queries are rewritten to the new names, and give the same as before."""

from __future__ import annotations

from datetime import date, timedelta

import psycopg
import pytest
from click.testing import CliRunner

from oso_processors.cli import main
from oso_processors.declarations import Deprecation, Processor, Publish
from oso_processors.errors import QueryUnreadable
from oso_processors.googlesql import Content
from oso_processors.release.migration import Rewritten, rewrite


def processor(name: str, *columns: str, deprecation: Deprecation | None = None) -> Processor:
    return Processor(
        name=name,
        model=f"marts.{name}",
        tier="stable",
        owner="me",
        licence="CC0-1.0",
        freshness=timedelta(hours=36),
        columns=columns,
        publish=Publish(),
        deprecation=deprecation,
    )


TOLD = Deprecation(
    on=date(2026, 1, 1),
    remove_after=date(2026, 6, 30),
    replacement="projects_v2",
    reason="A name was no title.",
    renames={"name": "title"},
)
PROCESSORS = (
    processor("projects_v1", "id", "name", "websites", "social", deprecation=TOLD),
    processor("projects_v2", "id", "title", "websites", "languages"),
    processor("summary_v1", "id", "stars"),
)
# Each gives the same rows before and after, on the engine itself. `books` is the reader's own.
BIGQUERY = {
    "plain": (
        "SELECT id, name -- the name\nFROM oso.projects_v1\nWHERE name LIKE '%name%' OR name > 'a'",
        "SELECT id, title AS name -- the name\nFROM oso.projects_v2\nWHERE title LIKE '%name%' OR title > 'a'",
    ),
    "quoted path and alias": (
        "SELECT `p`.`name` FROM `oso.projects_v1` AS p ORDER BY name",
        "SELECT `p`.`title` AS `name` FROM `oso.projects_v2` AS p ORDER BY name",
    ),
    "join by USING, and the table's own name": (
        "SELECT projects_v1.name, stars FROM oso.projects_v1 JOIN oso.summary_v1 USING (id)",
        "SELECT projects_v2.title AS name, stars FROM oso.projects_v2 JOIN oso.summary_v1 USING (id)",
    ),
    "both versions": (
        "SELECT projects_v1.name FROM oso.projects_v1"
        " JOIN oso.projects_v2 ON projects_v1.id = projects_v2.id",
        "SELECT projects_v1.title AS name FROM oso.projects_v2 AS projects_v1"
        " JOIN oso.projects_v2 ON projects_v1.id = projects_v2.id",
    ),
    "a column that another table has too": (
        "SELECT name FROM oso.projects_v1 JOIN my.books ON books.project = id",
        "SELECT projects_v2.title AS name FROM oso.projects_v2 JOIN my.books ON books.project = id",
    ),
    "names that a CTE gives": (
        "WITH p AS (SELECT id, name FROM oso.projects_v1), q AS (SELECT p.name AS called FROM p)"
        " SELECT called FROM q WHERE called <> 'name'",
        "WITH p AS (SELECT id, title AS name FROM oso.projects_v2), q AS (SELECT p.name AS called FROM p)"
        " SELECT called FROM q WHERE called <> 'name'",
    ),
    "a CTE that is called as the table": (
        "WITH projects_v1 AS (SELECT 'x' AS name) SELECT name FROM projects_v1",
        "WITH projects_v1 AS (SELECT 'x' AS name) SELECT name FROM projects_v1",
    ),
    "a correlated sub-query": (
        "SELECT b.title FROM my.books AS b"
        " WHERE EXISTS (SELECT 1 FROM oso.projects_v1 AS p WHERE p.id = b.project AND name < 'd')",
        "SELECT b.title FROM my.books AS b"
        " WHERE EXISTS (SELECT 1 FROM oso.projects_v2 AS p WHERE p.id = b.project AND title < 'd')",
    ),
    "groups": (
        "SELECT name, COUNT(*) AS n FROM oso.projects_v1 GROUP BY name HAVING MAX(name) > 'a'",
        "SELECT title AS name, COUNT(*) AS n FROM oso.projects_v2 GROUP BY title HAVING MAX(title) > 'a'",
    ),
    "arrays and structs": (
        "SELECT STRUCT(name).name AS name, w FROM oso.projects_v1 AS p, UNNEST(p.websites) AS w",
        "SELECT STRUCT(title AS name).name AS name, w FROM oso.projects_v2 AS p, UNNEST(p.websites) AS w",
    ),
    "a union": (
        "SELECT name FROM oso.projects_v1 UNION ALL SELECT name FROM oso.projects_v1 ORDER BY name",
        "SELECT title AS name FROM oso.projects_v2"
        " UNION ALL SELECT title AS name FROM oso.projects_v2 ORDER BY name",
    ),
}
POSTGRES = {
    "quoted and folded names": (
        'SELECT p."name", ID FROM Public.Projects_V1 p ORDER BY lower(NAME)',
        'SELECT p."title" AS "name", ID FROM Public.projects_v2 p ORDER BY lower(title)',
    ),
    "a name through three parts": (
        "SELECT public.projects_v1.name FROM public.projects_v1",
        "SELECT public.projects_v2.title AS name FROM public.projects_v2",
    ),
    "a lateral sub-query": (
        "SELECT t.n FROM projects_v1 p CROSS JOIN LATERAL (SELECT p.name AS n) t",
        "SELECT t.n FROM projects_v2 p CROSS JOIN LATERAL (SELECT p.title AS n) t",
    ),
    "a column of the outer query": (
        "SELECT (SELECT max(stars) FROM summary_v1 s WHERE s.id = p.id AND name > '') FROM projects_v1 p",
        "SELECT (SELECT max(stars) FROM summary_v1 s WHERE s.id = p.id AND title > '') FROM projects_v2 p",
    ),
    "a self-join by USING": (
        "SELECT name, a.id FROM projects_v1 a JOIN projects_v1 b USING (name)",
        "SELECT title AS name, a.id FROM projects_v2 a JOIN projects_v2 b USING (title)",
    ),
    "windows and filters": (
        "SELECT name, count(*) FILTER (WHERE name <> 'é') OVER (ORDER BY name) FROM projects_v1",
        "SELECT title AS name, count(*) FILTER (WHERE title <> 'é') OVER (ORDER BY title) FROM projects_v2",
    ),
}
ROWS = [("p1", "curl", ["a", "b"], "x"), ("p2", "name", ["c"], "y")]
BOOKS = [("p1", "C"), ("p2", "N")]
TEXTS = "ARRAY<STRING>"
TABLES = {
    "oso.projects_v1": Content(
        {"id": "STRING", "name": "STRING", "websites": TEXTS, "social": "STRING"}, ROWS
    ),
    "oso.projects_v2": Content(
        {"id": "STRING", "title": "STRING", "websites": TEXTS, "languages": "STRING"}, ROWS
    ),
    "oso.summary_v1": Content({"id": "STRING", "stars": "INT64"}, [("p1", 1), ("p2", 2)]),
    "my.books": Content({"project": "STRING", "title": "STRING"}, BOOKS),
}


@pytest.mark.parametrize("name", BIGQUERY)
def test_a_query_of_bigquery_gives_the_same_as_before(engine, name):
    before, after = BIGQUERY[name]

    done = rewrite(before, "bigquery", "q.sql", PROCESSORS)

    assert done == Rewritten(after, (), ())
    old, new = (engine.execute(each, TABLES) for each in (before, after))
    assert [each.name for each in new.columns] == [each.name for each in old.columns]
    assert sorted(new.rows) == sorted(old.rows)


@pytest.fixture(scope="module")
def serving_postgres(server):
    """A connection to a database with both versions."""
    with psycopg.connect(server) as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "CREATE TABLE projects_v1 (id text, name text, websites text[], social text)"
        )
        connection.execute(
            "CREATE TABLE projects_v2 (id text, title text, websites text[], languages text)"
        )
        connection.execute("CREATE TABLE summary_v1 (id text, stars bigint)")
        for table in ("projects_v1", "projects_v2"):
            for row in ROWS:
                connection.execute(f"INSERT INTO {table} VALUES (%s, %s, %s, %s)", row)
        connection.execute("INSERT INTO summary_v1 VALUES ('p1', 1), ('p2', 2)")
        yield connection


@pytest.mark.parametrize("name", POSTGRES)
def test_a_query_of_postgres_gives_the_same_as_before(serving_postgres, name):
    before, after = POSTGRES[name]

    done = rewrite(before, "postgres", "q.sql", PROCESSORS)

    assert done == Rewritten(after, (), ())
    old, new = (serving_postgres.execute(each) for each in (before, after))
    assert [each.name for each in new.description] == [each.name for each in old.description]
    assert sorted(new.fetchall()) == sorted(old.fetchall())


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "SELECT * FROM projects_v1",
            "SELECT * FROM projects_v2",
            "line 1: * gives the columns of projects_v2 now: title for name, no social",
        ),
        (
            "WITH p AS (SELECT projects_v1.* FROM projects_v1) SELECT name FROM p",
            "WITH p AS (SELECT projects_v2.* FROM projects_v2) SELECT title AS name FROM p",
            "line 1: * gives the columns of projects_v2 now: title for name, no social",
        ),
        (
            "SELECT * EXCEPT (name)\nFROM projects_v1",
            "SELECT * EXCEPT (title)\nFROM projects_v2",
            "line 2: * gives the columns of projects_v2 now: title for name, no social",
        ),
        (
            "SELECT TO_JSON(p) AS row FROM projects_v1 AS p",
            "SELECT TO_JSON(p) AS row FROM projects_v2 AS p",
            "line 1: p stands for a whole row of projects_v2 now: title for name, no social",
        ),
    ],
)
def test_a_star_is_left_alone_with_a_warning(before, after, said):
    assert rewrite(before, "bigquery", "q.sql", PROCESSORS) == Rewritten(after, (), (said,))


@pytest.mark.parametrize(
    ("dialect", "query", "said"),
    [
        (
            "bigquery",
            "SELECT id,\n  social FROM projects_v1",
            "line 2: social is gone, and nothing in its place; take it out",
        ),
        (
            "bigquery",
            "SELECT id FROM projects_v1 JOIN my.books USING (name)",
            "line 1: USING (name): it has another name on one side now; write ON",
        ),
        (
            "postgres",
            "SELECT id FROM projects_v1 NATURAL JOIN books",
            "line 1: NATURAL JOIN of projects_v1 matches other columns now; write ON",
        ),
        (
            "bigquery",
            "SELECT (SELECT MAX(name) FROM my.books) FROM projects_v1 AS p",
            "line 1: name may be of books or of p; write the table before it",
        ),
        (
            "bigquery",
            "WITH projects_v2 AS (SELECT id FROM projects_v1) SELECT id FROM projects_v2",
            "line 1: the query calls something of its own projects_v2; rename that first",
        ),
        (
            "postgres",
            "SELECT a FROM projects_v1 AS p (a, b)",
            "line 1: the columns of projects_v1 are named by their place, which may be another now",
        ),
        (
            "bigquery",
            "UPDATE my.t SET x = p.name FROM oso.projects_v1 AS p WHERE t.id = p.id",
            "line 1: projects_v1 is left as it is: only what SELECT reads is rewritten",
        ),
    ],
)
def test_what_cannot_be_known_is_one_line(dialect, query, said):
    assert rewrite(query, dialect, "q.sql", PROCESSORS).left == (said,)


def test_tables_of_another_schema_are_left_alone():
    query = "SELECT name FROM mine.projects_v1"

    done = rewrite(query, "postgres", "q.sql", PROCESSORS)

    said = "line 1: mine.projects_v1 is left as it is: only public.projects_v1 is deprecated"
    assert done == Rewritten(query, (), (said,))


def test_every_statement_of_a_file_is_rewritten():
    text = "CREATE TABLE my.t AS SELECT name FROM oso.projects_v1;\n\n-- done\nSELECT id FROM oso.projects_v1;\n"

    assert rewrite(text, "bigquery", "q.sql", PROCESSORS).text == (
        "CREATE TABLE my.t AS SELECT title AS name FROM oso.projects_v2;\n\n"
        "-- done\nSELECT id FROM oso.projects_v2;\n"
    )


@pytest.mark.parametrize("query", ["SELECT FROM (", "SELECT '", "SELECT x FROM {{ ref('y') }}"])
def test_what_is_no_sql_is_refused_in_one_line(query):
    with pytest.raises(QueryUnreadable) as caught:
        rewrite(query, "bigquery", "q.sql", PROCESSORS)

    assert str(caught.value).startswith("q.sql:")
    assert "\n" not in str(caught.value)


DEPRECATED = """\
deprecation:
  on: 2026-01-01
  remove_after: 2026-06-30
  replacement: projects_v2
  reason: A name was no title.
  renames: {project_name: title}
"""


def test_the_command_prints_or_writes_and_tells_what_is_left(tmp_path, monkeypatch):
    folder = tmp_path / "processors"
    folder.mkdir()
    body = (
        "name: {name}\nmodel: marts.projects_v2\ntier: stable\nowner: me\nlicence: CC0-1.0\n"
        "freshness: 36h\ncolumns: [{columns}]\npublish: {{files: }}\n"
    )
    old = body.format(name="projects_v1", columns="id, project_name, social")
    (folder / "projects_v1.yaml").write_text(old + DEPRECATED)
    (folder / "projects_v2.yaml").write_text(body.format(name="projects_v2", columns="id, title"))
    monkeypatch.setenv("OSO_PROJECT", str(tmp_path))
    query = tmp_path / "q.sql"
    query.write_text("SELECT project_name FROM projects_v1\n")

    printed = CliRunner().invoke(main, ["migrate-query", str(query), "--dialect", "postgres"])
    written = CliRunner().invoke(main, ["migrate-query", str(query), "--write"])
    migrated = query.read_text()
    left = CliRunner().invoke(main, ["migrate-query", "-"], input="SELECT social FROM projects_v1")
    query.write_text("SELECT social FROM projects_v1")
    kept = CliRunner().invoke(main, ["migrate-query", str(query), "--write"])

    new = "SELECT title AS project_name FROM projects_v2\n"
    assert (printed.exit_code, printed.stdout, printed.stderr) == (0, new, "")
    assert (written.exit_code, written.stdout, migrated) == (0, "", new)
    assert (left.exit_code, left.stdout) == (1, "SELECT social FROM projects_v2\n")
    assert left.stderr == (
        "-: to do: line 1: social is gone, and nothing in its place; take it out\n"
    )
    assert (kept.exit_code, kept.stdout) == (1, "")
    assert kept.stderr == (
        f"{query}: to do: line 1: social is gone, and nothing in its place; take it out\n"
        f"Error: {query}: one thing is left to do by hand; nothing was written\n"
    )
    assert query.read_text() == "SELECT social FROM projects_v1"
