"""What keeps a changed output back: sources that are old or lack too much, and licences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from oso_processors.declarations import Processor
from oso_processors.licences import conflict
from oso_processors.release import guards
from oso_processors.release.guards import Supply
from oso_processors.release.plan import plan

from .test_plan import output, serving

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
STARS = Processor.model_validate(
    {
        "name": "stars_v1",
        "model": "marts.stars_v1",
        "tier": "preview",
        "owner": "me",
        "licence": "CC-BY-SA-4.0",
        "freshness": "36h",
        "max_gap": "2h",
        "columns": ["repo"],
        "publish": {"files": {}},
    }
)
SOURCES = {"gharchive", "oss_directory"}
FRESH = Supply({"gharchive": NOW, "oss_directory": NOW}, {})


def test_what_was_collected_in_time_is_not_in_doubt():
    assert guards.doubt(STARS, SOURCES, FRESH) == ""


def test_an_old_source_is_told_with_what_to_do():
    old = Supply({"gharchive": NOW, "oss_directory": datetime(2024, 5, 1, 9, 30, tzinfo=UTC)}, {})

    assert guards.doubt(STARS, SOURCES, old) == (
        "its source oss_directory was last collected on 2024-05-01 09:30 UTC, longer ago than its"
        " freshness; run `oso collect`, or add --allow-stale stars_v1"
    )
    assert guards.doubt(STARS, {"gharchive"}, old) == ""
    assert guards.doubt(STARS, SOURCES, old, may_be_stale=["stars_v1"]) == ""
    assert guards.doubt(STARS, SOURCES, old, may_be_stale=["all"]) == ""


def test_a_long_gap_is_told_with_what_to_do():
    lacking = replace(FRESH, longest_gap={"gharchive": 3 * HOUR, "oss_directory": HOUR})

    assert guards.doubt(STARS, SOURCES, lacking) == (
        "its source gharchive lacks 3 hours in a row, more than its max_gap; collect them, or add"
        " --allow-gap stars_v1"
    )
    assert guards.doubt(STARS, {"oss_directory"}, lacking) == ""
    assert guards.doubt(STARS, SOURCES, lacking, may_lack=["stars_v1"]) == ""
    assert guards.doubt(STARS.model_copy(update={"max_gap": None}), SOURCES, lacking) == ""


def test_hours_that_are_missing_in_a_row_are_one_gap(warehouse):
    warehouse.execute("CREATE SCHEMA raw")
    warehouse.execute(
        "CREATE TABLE raw.gaps (source VARCHAR, started_at TIMESTAMPTZ, ended_at TIMESTAMPTZ)"
    )
    start = (NOW - timedelta(days=3)).replace(minute=0, second=0, microsecond=0)
    hours = [("gharchive", start + n * HOUR) for n in (0, 1, 2, 2, 5)]
    hours += [("gharchive", datetime(2016, 1, 1, n, tzinfo=UTC)) for n in range(12)]
    rows = [(source, at, at + HOUR) for source, at in hours]
    warehouse.executemany("INSERT INTO raw.gaps VALUES (?, ?, ?)", [*rows, ("npm", None, None)])

    assert guards.supply(warehouse) == Supply({}, {"gharchive": 3 * HOUR})


def test_a_warehouse_that_nothing_was_collected_into_gives_nothing(warehouse):
    assert guards.supply(warehouse) == Supply({}, {})


def test_what_is_in_doubt_may_stay_and_may_not_change():
    served = {"files": serving(1, same="a", other="a")}
    doubts = {"same": "its source is old", "other": "its source is old"}

    decided = plan([output("same", "a"), output("other", "b")], served, {}, doubts=doubts)

    assert [(step.name, step.kind) for step in decided.steps] == [
        ("same", "unchanged"),
        ("other", "blocked"),
    ]
    assert decided.blocked == ("other: its source is old",)


@pytest.mark.parametrize(
    ("source", "licence", "is_allowed"),
    [
        ("CC0-1.0", "MIT", True),
        ("CC-BY-4.0", "CC-BY-SA-4.0", True),
        ("Apache-2.0", "CC-BY-4.0", True),
        ("CC-BY-4.0", "CC0-1.0", False),
        ("CC-BY-SA-4.0", "CC-BY-SA-4.0", True),
        ("CC-BY-SA-4.0", "CC-BY-4.0", False),
        ("ODbL-1.0", "CC-BY-SA-4.0", False),
        ("CC-BY-NC-4.0", "CC-BY-SA-4.0", False),
        ("LicenseRef-Ours", "LicenseRef-Ours", True),
    ],
)
def test_a_licence_is_allowed_by_those_of_the_sources(source, licence, is_allowed):
    told = f"its licence {licence} is not allowed by that of its source it ({source})"

    assert conflict(licence, ["it", "other"], {"it": source}) == ("" if is_allowed else told)
