"""What was found once: rows that stood in no order, so that each engine took another of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from oso_processors.googlesql import Content

# SQLMesh's own, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
COMMIT = {"sha": "f00", "is_distinct": True, "author_email_sha256": "beef"}
PUSH = {"event_id": "1", "created_at": MOMENT, "type": "PushEvent", "repository_source_id": 1}
HISTORY = {
    "sha": "f00",
    "committed_at": MOMENT,
    "person_id": "beef",
    "event_source": "GIT",
}
FOUND = {
    # The same commit in two pushes, its author under two names, one of them a bot's.
    "intermediate.pushed_commits": {
        "staging.github_events": [
            {**PUSH, "commits": [{**COMMIT, "author_name": "Ana"}]},
            {**PUSH, "event_id": "2", "commits": [{**COMMIT, "author_name": "Ana [bot]"}]},
        ],
        "seeds.bots": [],
    },
    # One commit under the two names of a repository that was renamed.
    "intermediate.commits": {
        "staging.git_commits": [
            {**HISTORY, "repository_name": "a/old", "is_merge": False, "is_bot": True},
            {**HISTORY, "repository_name": "a/new", "is_merge": False, "is_bot": False},
        ],
        "intermediate.repositories": [
            {"repository_name": "a/old", "artifact_id": "cafe"},
            {"repository_name": "a/new", "artifact_id": "cafe"},
        ],
        "intermediate.artifacts": [],
        "intermediate.github_repositories": [],
        "intermediate.pushed_commits": [],
        "intermediate.persons": [],
    },
    # One commit in two repositories of a project that disagree about its author.
    "intermediate.repeated_commits": {
        "intermediate.commits": [
            {**HISTORY, "artifact_key": 1, "is_bot": True},
            {**HISTORY, "artifact_key": 2, "is_bot": False},
        ],
        "intermediate.entities": [
            {"subject_key": 11, "entity_type": "project", "artifact_key": each} for each in (1, 2)
        ],
    },
}


@pytest.mark.parametrize("name", FOUND)
def test_the_order_of_rows_is_of_no_matter(name, models, engine, duckdb_rows):
    tables = {each: table(models[each].columns, rows) for each, rows in FOUND[name].items()}
    turned = {each: Content(made.columns, made.rows[::-1]) for each, made in tables.items()}
    duckdb_sql, google_sql = models.query(name, "duckdb"), models.query(name)

    ours = duckdb_rows(duckdb_sql, tables), duckdb_rows(duckdb_sql, turned)
    theirs = engine.execute(google_sql, tables).rows, engine.execute(google_sql, turned).rows

    assert len(ours[0]) == 1
    assert ours[0] == ours[1] == theirs[0] == theirs[1]


def table(columns, rows):
    return Content(columns, [tuple(row.get(each) for each in columns) for row in rows])
