"""The collector of oss-funding: every row is a grant or has its reason in the rejects."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from decimal import Decimal

import pytest

from oso_processors.collectors.oss_funding import COLUMNS, OssFunding
from oso_processors.collectors.source import Record, State
from oso_processors.errors import ConfigFailure

STREAMS = ("grants", "rejects")
HEADER = ",".join(COLUMNS)
SOUND = 'tools,84000.5,2024-02-05,fund,round-1,"{""unit"": ""OP""}",data/round-1.csv'


def read(config, state=None):
    return list(OssFunding().read(config, STREAMS, state or {}))


def rows(messages, stream):
    return [
        dict(each.data) for each in messages if isinstance(each, Record) and each.stream == stream
    ]


@pytest.fixture
def table(tmp_path):
    """Write a table with the given lines below its header; return the settings that read it."""

    def write(*lines, header=HEADER):
        (tmp_path / "data").mkdir(exist_ok=True)
        text = "\n".join([header, *lines, ""])
        (tmp_path / "data" / "funding_data.csv").write_text(text)
        return {"path": str(tmp_path)}

    return write


def test_a_row_is_a_grant_with_all_that_is_written_of_it(table):
    found = read(table(SOUND))

    (grant,) = rows(found, "grants")
    assert len(grant.pop("grant_id")) == 64
    assert grant == {
        "to_project_name": "tools",
        "amount": "84000.5",
        "funding_date": "2024-02-05",
        "from_funder_name": "fund",
        "grant_pool_name": "round-1",
        "metadata": '{"unit": "OP"}',
        "file_path": "data/round-1.csv",
        "file": "data/funding_data.csv",
    }
    assert rows(found, "rejects") == []


KEPT = {
    "a row without a project": (SOUND.replace("tools", ""), "it names no project", "round-1"),
    "a grant of nothing": (SOUND.replace("84000.5", "0.0"), "its amount is 0", "tools"),
    "metadata that is no JSON": (
        "tools,1,2024-02-05,fund,round-1,{,f",
        "its metadata is no JSON object, and left out",
        "tools",
    ),
}


@pytest.mark.parametrize("what", KEPT)
def test_what_is_odd_is_kept_and_named(table, what):
    line, reason, value = KEPT[what]

    found = read(table(line))

    assert len(rows(found, "grants")) == 1
    assert rows(found, "rejects") == [
        {
            "file": "data/funding_data.csv",
            "place": "line 2",
            "reason": f"kept, though {reason}",
            "value": value,
        }
    ]


LEFT_OUT = {
    "an amount that is none": (
        "tools,much,2024-02-05,f,,,",
        "amount is no number of 0 or more",
        "much",
    ),
    "less than nothing": ("tools,-1,2024-02-05,f,,,", "amount is no number of 0 or more", "-1"),
    "more than there is": ("tools,1e15,2024-02-05,f,,,", "amount is too large", "1e15"),
    "a day that is none": (
        "tools,1,2023-02-29,f,,,",
        "funding_date is no day such as 2024-05-01",
        "2023-02-29",
    ),
    "no funder": ("tools,1,2024-02-05,,,,", "names no funder", "tools"),
    "a cell too few": ("tools,1,2024-02-05", "has more or fewer cells than the header", "tools"),
    "a quote in the middle": ('"a"b,1,2024-02-05,f,,,', "is no CSV: ',' expected after '\"'", ""),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_cannot_be_counted_is_set_aside_and_the_rest_stays(table, what):
    line, reason, value = LEFT_OUT[what]

    found = read(table(line, SOUND))

    assert [each["to_project_name"] for each in rows(found, "grants")] == ["tools"]
    assert [(each["place"], each["reason"], each["value"]) for each in rows(found, "rejects")] == [
        ("line 2", reason, value)
    ]


def test_a_row_that_stands_twice_is_one_grant(table):
    found = read(table(SOUND, SOUND.replace("84000.5", "84000.50"), SOUND))

    assert [each["amount"] for each in rows(found, "grants")] == ["84000.5", "84000.50"]
    assert [(each["place"], each["reason"]) for each in rows(found, "rejects")] == [
        ("line 4", "stands in line 2 too; left out here")
    ]


def test_an_amount_with_an_exponent_is_written_in_plain_digits(table):
    assert rows(read(table(SOUND.replace("84000.5", "5e-05"))), "grants")[0]["amount"] == "0.00005"


def test_an_unchanged_table_gives_its_state_and_nothing_else(table):
    config = table(SOUND)
    states = {each.stream: each.data for each in read(config) if isinstance(each, State)}

    assert read(config, states) == [State(name, states[name]) for name in STREAMS]
    assert rows(read(table(SOUND, "a,1,2024-01-01,f,,,"), states), "grants")[1]["amount"] == "1"


def test_a_table_without_a_column_is_one_clear_line(table):
    config = table("tools,1", header="to_project_name,amount")

    with pytest.raises(
        ConfigFailure, match=r"^data/funding_data\.csv: has no column 'funding_date'$"
    ):
        read(config)


def test_a_public_repository_is_fetched_as_its_archive(tmp_path, website):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        content = f"{HEADER}\n{SOUND}\n".encode()
        member = tarfile.TarInfo("oss-funding-main/data/funding_data.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    website.files["/a/funding/archive/refs/heads/main.tar.gz"] = out.getvalue()

    found = read({"url": f"{website.address}/a/funding", "cache": str(tmp_path / "cache")})

    assert len(rows(found, "grants")) == 1


def test_a_folder_without_a_table_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigFailure, match=r"holds neither data/funding_data\.csv nor an archive"):
        OssFunding().check({"path": str(tmp_path)})


def test_the_sample_has_the_dirt_of_the_real_table(sample):
    found = read({"path": str(sample / "oss-funding")})

    reasons = Counter(each["reason"].partition(" in line")[0] for each in rows(found, "rejects"))
    assert set(reasons) == {
        "kept, though it names no project",
        "kept, though its amount is 0",
        "stands",
    }
    assert max(len(each["amount"].partition(".")[2]) for each in rows(found, "grants")) == 15


def test_the_real_table_loses_only_the_row_that_stands_twice(shared):
    found = read({"path": str(shared / "oss-funding")})

    grants = rows(found, "grants")
    reasons = Counter(each["reason"] for each in rows(found, "rejects"))
    assert len(grants) == len({each["grant_id"] for each in grants}) == 5070
    assert reasons == {
        "kept, though it names no project": 900,
        "kept, though its amount is 0": 171,
        "stands in line 3103 too; left out here": 1,
    }
    assert sum(Decimal(each["amount"]) for each in grants) > 10**8
