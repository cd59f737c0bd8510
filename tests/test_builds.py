"""Which builds wrote the rows of a model's table, as SQLMesh's own state tells it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from oso_processors.progress import Progress
from oso_processors.release.guards import supply
from oso_processors.settings import Settings

NAMES = ("intermediate.repository_names", ("activity_date", "repository_source_id"))
MARTS = ("marts.event_types_v1", ("event_type",))
VIEWS = ("intermediate.levels", ("metric",))


@pytest.fixture
def warehouse(ran, monkeypatch):
    """The warehouse of the finished run."""
    from oso_processors.warehouse import Warehouse

    monkeypatch.setenv("OSO_HOME", str(ran / ".oso"))
    with Warehouse(Settings(project=ran, home=ran / ".oso")) as opened:
        yield opened


def builds(warehouse, described):
    return warehouse.table("it", *described).builds


def again(warehouse, first: str) -> None:
    """Let SQLMesh build the names from the day ``first`` on again."""
    snapshot = warehouse._snapshots()[NAMES[0]]
    interval = snapshot.get_removal_interval(first, "now", "now", strict=False)
    warehouse._context.state_sync.remove_intervals([(snapshot, interval)])
    warehouse.build(Progress(quiet=True))


def test_a_build_tells_the_days_that_it_wrote(warehouse):
    before = builds(warehouse, NAMES)
    first = date(2024, 3, 1)

    again(warehouse, first.isoformat())

    after = builds(warehouse, NAMES)
    new = [days for name, days in after.days.items() if name not in before.days]
    assert before.column == after.column == "activity_date"
    assert before.days.items() <= after.days.items()
    # The two days before are written again too: events come late.
    assert min(days.first for days in new) == first - timedelta(days=2)
    assert max(days.last for days in new) == max(days.last for days in before.days.values())


def test_a_table_that_is_built_whole_has_builds_of_all_days(warehouse):
    found = builds(warehouse, MARTS)

    assert found.column is None
    assert list(found.days.values()) == [None]


def test_nobody_knows_when_the_rows_behind_a_view_were_written(warehouse):
    assert builds(warehouse, VIEWS) is None


def test_a_model_descends_from_the_sources_of_the_raw_tables_before_it(warehouse):
    assert warehouse.sources("marts.projects_v1") == {"oss_directory"}
    assert warehouse.sources("marts.event_types_v1") == set()


def test_a_run_writes_down_when_each_source_was_collected(warehouse):
    found = supply(warehouse.connection)

    assert {"gharchive", "git_history", "oss_directory"} <= found.collected_at.keys()
    assert found.longest_gap == {}
