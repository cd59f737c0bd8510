"""Which releases stay, by a policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from oso_processors.errors import InvalidSetting
from oso_processors.release.retention import kept
from oso_processors.settings import RETENTION, Settings, retention_of
from oso_processors.stores import Manifest

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
FOREVER = timedelta.max


def made(*moments):
    """Releases of these moments, the newest first, numbered from the oldest."""
    numbered = enumerate(sorted(moments), 1)
    return [Manifest(number, at.isoformat(), {}) for number, at in numbered][::-1]


def days(count):
    return timedelta(days=count)


def moments(releases):
    return [datetime.fromisoformat(each.released_at) for each in releases]


def test_the_served_one_and_the_one_before_stay_whatever_the_policy_and_the_clock():
    releases = made(NOW - days(900), NOW - days(800), NOW - days(700))

    assert kept(releases, NOW, {}) == releases[:2]
    assert kept(releases, NOW, {"all": days(1)}) == releases[:2]
    assert kept(releases, NOW - days(5000), {"all": days(1)}) == releases


def test_all_stay_for_as_long_as_that_is_said():
    releases = made(*(NOW - days(count) for count in range(10)))

    assert kept(releases, NOW, {"all": days(7)}) == releases[:8]


def test_the_last_of_each_day_week_month_and_year_stays():
    hours = [NOW - timedelta(hours=6 * count) for count in range(4 * 400)]
    releases = made(*hours)

    daily = moments(kept(releases, NOW, {"daily": days(3)}))
    weekly = moments(kept(releases, NOW, {"weekly": days(20)}))
    monthly = moments(kept(releases, NOW, {"monthly": FOREVER}))
    yearly = moments(kept(releases, NOW, {"yearly": FOREVER}))

    before = NOW - timedelta(hours=6)
    evening = timedelta(hours=6)
    assert daily == [NOW, before, *(NOW - days(count) + evening for count in (1, 2, 3))]
    assert [f"{at:%m-%d %H}" for at in weekly[2:]] == ["03-29 18", "03-22 18", "03-15 18"]
    assert [f"{at:%y-%m-%d %H}" for at in monthly[2:5]] == [
        "26-02-28 18",
        "26-01-31 18",
        "25-12-31 18",
    ]
    assert len(monthly) == 2 + 13
    assert [f"{at:%y-%m-%d %H}" for at in yearly[2:]] == ["25-12-31 18"]


def test_what_is_kept_day_by_day_is_what_would_be_kept_at_once():
    policy = retention_of(RETENTION)
    every = [NOW - timedelta(hours=9 * count) for count in range(400)]
    stepwise: list[Manifest] = []
    for number, at in enumerate(sorted(every), 1):
        stepwise = kept([Manifest(number, at.isoformat(), {}), *stepwise], at, policy)

    assert stepwise == kept(made(*every), NOW, policy)


def test_the_default_is_a_week_of_all_a_month_of_days_and_every_month():
    assert Settings.from_environ(environ={}).retention == {
        "all": days(7),
        "daily": days(30),
        "monthly": FOREVER,
    }


@pytest.mark.parametrize("text", ["all", "all=7", "hourly=7d", "all=0d", "all=7d,,", "daily=never"])
def test_a_policy_that_is_none_is_one_clear_line(text):
    with pytest.raises(InvalidSetting, match=r"^OSO_RETENTION: '.*': '.*' is none of all, daily"):
        Settings.from_environ(environ={"OSO_RETENTION": text})
