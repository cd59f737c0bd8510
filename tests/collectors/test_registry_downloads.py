"""The collector of downloads, against a server that answers as npm, pypistats.org and crates.io do."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oso_processors.collectors.download import Client
from oso_processors.collectors.registries import Registries
from oso_processors.collectors.registry_downloads import Batch, batches
from oso_processors.collectors.source import Log, Record, State

STREAMS = ("downloads", "gaps", "rejects")
SCOPED, PLAIN, OTHER = ("NPM", "@a/b"), ("NPM", "left-pad"), ("NPM", "lodash")
PYPI, CRATE = ("PYPI", "Eth_Abi"), ("CRATES", "tool")
MAY_1 = date(2024, 5, 1)


def ago(days):
    """The day so many days before yesterday, which is the last whole one."""
    return (datetime.now(UTC).date() - timedelta(days=days + 1)).isoformat()


def npm_answer(name, counts):
    """What npm tells of a package, from so many days ago on."""
    listed = [{"downloads": count, "day": ago(days)} for days, count in counts.items()]
    return {"start": ago(max(counts)), "end": ago(0), "package": name, "downloads": listed}


@pytest.fixture
def answer(website):
    """Lay down what the server says at a path."""

    def lay(path, content):
        website.files[path] = json.dumps(content).encode()

    return lay


@pytest.fixture
def config(website, tmp_path):
    """Settings that read three days of packages' downloads from the server."""

    def make(*packages, **more):
        return {
            "packages": [{"registry": registry, "name": name} for registry, name in packages],
            "download_urls": {
                key: f"{website.address}/{key.lower()}" for key in ("NPM", "PYPI", "CRATES")
            },
            "download_days": 3,
            "pause": 0,
            "days": 1,
            "cache": str(tmp_path / "cache"),
            **more,
        }

    return make


def read(config, state=None, streams=STREAMS):
    source = Registries(Client(attempts=3, backoff=0.01, timeout=5))
    return list(source.read(config, streams, state or {}))


def rows(messages):
    """The rows of each stream; of downloads, by package."""
    found = defaultdict(list)
    for each in messages:
        if isinstance(each, Record) and each.stream == "downloads":
            key = f"{each.data['registry']}/{each.data['name']}"
            found[key].append((each.data["day"], each.data["downloads"]))
        elif isinstance(each, Record):
            found[each.stream].append(dict(each.data))
    return found


def states(messages):
    return {each.stream: each.data for each in messages if isinstance(each, State)}


def test_npm_tells_of_packages_together_and_of_scoped_ones_alone(config, website, answer):
    days = f"{ago(2)}:{ago(0)}"
    one, other = (npm_answer(name, {2: 5, 1: 0, 0: 7}) for name in ("left-pad", "lodash"))
    answer(f"/npm/downloads/range/{days}/left-pad,lodash", {"left-pad": one, "lodash": other})
    answer(f"/npm/downloads/range/{days}/@a%2Fb", npm_answer("@a/b", {2: 1, 1: 2, 0: 3}))

    found = rows(read(config(PLAIN, SCOPED, OTHER)))

    counted = [(ago(2), 5), (ago(1), 0), (ago(0), 7)]
    assert found == {
        "NPM/@a/b": [(ago(2), 1), (ago(1), 2), (ago(0), 3)],
        "NPM/left-pad": counted,
        "NPM/lodash": counted,
    }
    assert {headers["User-Agent"] for _, _, headers in website.requests} == {"oso-processors"}


def test_pypi_counts_what_no_mirror_took(config, answer):
    listed = [
        {"category": "with_mirrors", "date": ago(1), "downloads": 100},
        {"category": "without_mirrors", "date": ago(0), "downloads": 4},
        {"category": "without_mirrors", "date": ago(1), "downloads": 9},
        {"category": "without_mirrors", "date": ago(5), "downloads": 9},
    ]
    told = {"data": listed, "package": "eth-abi", "type": "overall_downloads"}
    answer("/pypi/api/packages/eth-abi/overall?mirrors=false", told)

    found = rows(read(config(PYPI)))

    # A day that is not told of is one without downloads.
    assert found == {"PYPI/eth-abi": [(ago(2), 0), (ago(1), 9), (ago(0), 4)]}


def test_a_crate_counts_all_its_versions(config, answer):
    told = {
        "version_downloads": [
            {"version": 12, "downloads": 3, "date": ago(1)},
            {"version": 13, "downloads": 4, "date": ago(1)},
            {"version": 13, "downloads": 2, "date": ago(0)},
            {"version": 13, "downloads": 1, "date": ago(-1)},
        ],
        "meta": {"extra_downloads": [{"date": ago(1), "downloads": 10}]},
    }
    answer("/crates/api/v1/crates/tool/downloads", told)

    found = rows(read(config(CRATE)))

    # Today is not over.
    assert found == {"CRATES/tool": [(ago(2), 0), (ago(1), 17), (ago(0), 2)]}


def test_days_at_the_end_without_downloads_are_not_told_yet(config, answer):
    counts = {5: 1, 4: 0, 3: 0, 2: 0, 1: 0, 0: 0}
    answer(f"/npm/downloads/range/{ago(5)}:{ago(0)}/@a%2Fb", npm_answer("@a/b", counts))

    found = rows(read(config(SCOPED, download_days=6)))

    # The last three may be late; that it is quieter before is known.
    assert found == {"NPM/@a/b": [(ago(5), 1), (ago(4), 0), (ago(3), 0)]}


def test_a_later_run_reads_what_is_new_and_the_last_days_again(config, website, answer):
    state = {"downloads": {"NPM/@a/b": ago(1)}}
    answer(
        f"/npm/downloads/range/{ago(3)}:{ago(0)}/@a%2Fb",
        npm_answer("@a/b", dict.fromkeys((3, 2, 1, 0), 1)),
    )

    first = read(config(SCOPED), state)
    website.requests.clear()
    second = read(config(SCOPED), states(first))

    assert [day for day, _ in rows(first)["NPM/@a/b"]] == [ago(3), ago(2), ago(1), ago(0)]
    assert states(first)["downloads"] == {"NPM/@a/b": ago(0)}
    assert rows(second) == {}
    assert website.requests == []


def test_what_is_missing_or_broken_is_a_gap_and_the_others_go_on(config, website, answer):
    answer(
        f"/npm/downloads/range/{ago(2)}:{ago(0)}/left-pad,lodash",
        {"left-pad": None, "lodash": npm_answer("lodash", {0: 1})},
    )
    answer("/crates/api/v1/crates/tool/downloads", {"errors": [{"detail": "later"}]})

    messages = read(config(PLAIN, OTHER, PYPI, CRATE))

    found = rows(messages)
    assert found["NPM/lodash"] == [(ago(2), 0), (ago(1), 0), (ago(0), 1)]
    assert sorted((each["reason"], each["detail"].partition(":")[0]) for each in found["gaps"]) == [
        ("missing", "NPM/left-pad"),
        ("missing", "PYPI/eth-abi"),
        ("unreadable", "CRATES/tool"),
    ]
    assert [each.level for each in messages if isinstance(each, Log)] == ["WARN"]
    # What is broken is tried again, what is missing is not before it is due.
    assert sorted(states(messages)["downloads"]) == ["NPM/left-pad", "NPM/lodash", "PYPI/eth-abi"]


def test_what_is_no_count_is_set_aside(config, answer):
    told = npm_answer("@a/b", {2: 1, 1: 2, 0: 3})
    told["downloads"][1]["downloads"] = -2
    told["downloads"].append({"day": "yesterday", "downloads": 1})
    answer(f"/npm/downloads/range/{ago(2)}:{ago(0)}/@a%2Fb", told)

    found = rows(read(config(SCOPED)))

    assert found["NPM/@a/b"] == [(ago(2), 1), (ago(1), 0), (ago(0), 3)]
    assert [(each["place"], each["value"]) for each in found["rejects"]] == [
        (ago(1), "-2"),
        ("yesterday", "1"),
    ]


def test_a_registry_that_asks_to_wait_is_waited_for(config, website, answer, fault):
    path = "/crates/api/v1/crates/tool/downloads"
    answer(
        path,
        {"version_downloads": [{"date": ago(0), "downloads": 1}], "meta": {"extra_downloads": []}},
    )
    website.faults[path] = [fault(429, {"Retry-After": "0"}), fault(503)]

    assert rows(read(config(CRATE)))["CRATES/tool"][-1] == (ago(0), 1)
    assert len(website.requests) == 3


def test_a_cut_run_goes_on_after_what_was_settled(config, website, answer, monkeypatch):
    monkeypatch.setattr("oso_processors.collectors.registries.SETTLED_AT_ONCE", 1)
    for name in ("one", "two"):
        answer(
            f"/crates/api/v1/crates/{name}/downloads",
            {"version_downloads": [], "meta": {"extra_downloads": []}},
        )
    settings = config(("CRATES", "one"), ("CRATES", "two"))
    messages = []
    for each in Registries(Client(attempts=1)).read(settings, STREAMS, {}):
        messages.append(each)
        if isinstance(each, State) and each.stream == STREAMS[-1]:
            break
    website.requests.clear()

    read(settings, states(messages))

    assert [path for _, path, _ in website.requests] == ["/crates/api/v1/crates/two/downloads"]


def test_a_first_reading_of_many_years_is_asked_for_a_year_at_a_time():
    (batch,) = batches([SCOPED], {}, MAY_1, pace=1, history=800)

    assert list(batch.windows()) == [
        (date(2022, 2, 22), date(2023, 2, 21)),
        (date(2023, 2, 22), date(2024, 2, 21)),
        (date(2024, 2, 22), MAY_1),
    ]


def test_npm_is_asked_for_128_packages_at_once_and_nobody_for_more_than_is_kept():
    names = [f"package-{number:03d}" for number in range(130)]
    packages = [*(("NPM", name) for name in names), ("PYPI", "six"), ("CRATES", "serde")]

    found = batches(packages, {}, MAY_1, pace=7, history=365)

    year, half, quarter = date(2023, 5, 3), date(2023, 11, 4), date(2024, 2, 2)
    assert found == [
        Batch("NPM", tuple(names[:128]), year, MAY_1),
        Batch("NPM", tuple(names[128:]), year, MAY_1),
        Batch("PYPI", ("six",), half, MAY_1),
        Batch("CRATES", ("serde",), quarter, MAY_1),
    ]


def test_a_package_is_not_asked_for_before_its_pace():
    done = {"NPM/lodash": "2024-04-25", "NPM/left-pad": "2024-04-24"}

    found = batches([OTHER, PLAIN], done, MAY_1, pace=7, history=365)

    assert found == [Batch("NPM", ("left-pad",), date(2024, 4, 22), MAY_1)]


def test_parquet_gives_the_same_rows(tmp_path):
    for name in ("packages", "dependencies"):
        pq.write_table(pa.Table.from_pylist([], pa.schema([])), tmp_path / f"{name}.parquet")
    listed = [
        {"registry": "PYPI", "name": "Eth_Abi", "day": MAY_1, "downloads": 0},
        {"registry": "PYPI", "name": "Eth_Abi", "day": MAY_1, "downloads": None},
    ]
    pq.write_table(pa.Table.from_pylist(listed), tmp_path / "downloads.parquet")

    messages = read({"folder": str(tmp_path)})

    found = rows(messages)
    assert found["PYPI/eth-abi"] == [("2024-05-01", 0)]
    assert [each["reason"] for each in found["rejects"]] == ["has no downloads"]
    assert rows(read({"folder": str(tmp_path)}, states(messages))) == {}
