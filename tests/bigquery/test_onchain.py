"""The collector of contracts' calls asks BigQuery day by day, and goes on where it was cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from oso_processors.collectors.onchain import LATE, Onchain
from oso_processors.collectors.source import Log, Record, State
from oso_processors.errors import ConfigFailure

pytestmark = pytest.mark.bigquery

STREAMS = ("contract_calls", "days", "rejects")
A, B = (f"0x{letter * 40}" for letter in "ab")
LAST = datetime.now(UTC).date() - LATE
DAYS = [LAST - timedelta(days=number) for number in (2, 1, 0)]
TABLES = """
CREATE SCHEMA chain;
CREATE TABLE chain.receipts (transaction_hash STRING, block_timestamp TIMESTAMP, from_address STRING,
  to_address STRING, gas_used INT64, effective_gas_price INT64);
CREATE TABLE chain.traces (transaction_hash STRING, block_timestamp TIMESTAMP, trace_type STRING,
  action STRUCT<to_address STRING>)
"""
PROJECT = f"""
version: 7
name: p
display_name: P
blockchain:
  - {{address: '{A}', tags: [contract], networks: [mainnet]}}
"""


@pytest.fixture
def config(client, tmp_path):
    """A chain of which two days of three are told, and a directory with one contract of it."""
    client.delete_dataset("chain", delete_contents=True, not_found_ok=True)
    for statement in TABLES.split(";"):
        client.query(statement).result()
    for day in DAYS[:2]:
        at = f"TIMESTAMP '{day} 10:00:00+00'"
        client.query(
            f"INSERT INTO chain.receipts VALUES ('{day}', {at}, '{B}', '{A}', 3000000000, 4000000000)"
        ).result()
        client.query(
            f"INSERT INTO chain.traces VALUES ('{day}', {at}, 'call', STRUCT('{A}'))"
        ).result()
    path = tmp_path / "data" / "projects" / "p" / "p.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(PROJECT)
    (tmp_path / "data" / "collections").mkdir()
    return {
        "project": "oso-test",
        "directory": str(tmp_path),
        "start": DAYS[0].isoformat(),
        "datasets": {"MAINNET": "oso-test.chain"},
    }


def read(client, config, state=None):
    return Onchain(connect=lambda _: client).read(config, STREAMS, state or {})


def days(messages):
    return [each.data["day"] for each in messages if isinstance(each, Record)]


def test_a_day_is_counted_and_one_that_is_not_told_yet_is_asked_for_again(client, config):
    found = list(read(client, config))

    first = {"chain": "MAINNET", "day": DAYS[0].isoformat()}
    records = [each for each in found if isinstance(each, Record)]
    assert records[:2] == [
        Record("days", {**first, "contract_count": 1, "transaction_count": 1}),
        Record(
            "contract_calls",
            {
                **first,
                "contract": A,
                "caller": B,
                "invocation_count": 1,
                "transaction_count": 1,
                "gas_fees_wei": "12000000000000000000",
            },
        ),
    ]
    assert days(records) == [each.isoformat() for each in (*DAYS[:1] * 2, *DAYS[1:2] * 2)]
    assert [each for each in found if isinstance(each, Log)] == [
        Log("WARN", f"MAINNET: {LAST}: is not told yet; it is asked for again")
    ]
    done = {"MAINNET": {"start": config["start"], "read": DAYS[1].isoformat()}}
    assert found[-1] == State("rejects", done)


def test_a_reading_that_was_cut_goes_on_with_the_day_after_its_last_state(client, config):
    state = {}
    for each in read(client, config):
        if isinstance(each, State):
            state[each.stream] = each.data
        if len(state) == len(STREAMS):
            break

    assert set(days(read(client, config, state))) == {DAYS[1].isoformat()}


def test_a_data_set_that_is_not_there_is_one_clear_line(client, config):
    with pytest.raises(ConfigFailure, match=f"oso-test.nowhere: {DAYS[0]}: "):
        list(read(client, {**config, "datasets": {"MAINNET": "oso-test.nowhere"}}))
