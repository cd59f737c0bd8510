"""Calls of contracts come from Parquet a chain and day, or are counted by a query that BigQuery would run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oso_processors.collectors.onchain import LATE, Onchain, contracts
from oso_processors.collectors.onchain_query import DATASETS, query_of
from oso_processors.collectors.source import Log, Record, State
from oso_processors.errors import ConfigFailure
from oso_processors.googlesql.engine import Content

STREAMS = ("contract_calls", "days", "rejects")
A, B, C, D = (f"0x{letter * 40}" for letter in "abcd")
CALL = {
    "contract": A,
    "caller": B,
    "invocation_count": 3,
    "transaction_count": 1,
    "gas_fees_wei": "12345678901234567890123456789",
}


def read(config, state=None):
    return list(Onchain().read(config, STREAMS, state or {}))


def rows(messages):
    return [(each.stream, dict(each.data)) for each in messages if isinstance(each, Record)]


def states(messages):
    return {each.stream: each.data for each in messages if isinstance(each, State)}


def write(folder, name, *found):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(found) or [CALL]), path)


def test_a_file_is_a_day_of_a_chain_and_its_rows(tmp_path):
    write(
        tmp_path, "BASE/2024-05-01.parquet", {**CALL, "gas_fees_wei": Decimal(CALL["gas_fees_wei"])}
    )

    found = rows(read({"folder": str(tmp_path)}))

    named = {"chain": "BASE", "day": "2024-05-01"}
    assert found == [
        ("days", {**named, "contract_count": None, "transaction_count": None}),
        ("contract_calls", {**named, **CALL}),
    ]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"contract": A.upper()}, "contract is no address in lower case"),
        ({"caller": None}, "caller is no address in lower case"),
        ({"invocation_count": -1}, "counts nothing"),
        ({"transaction_count": None}, "counts nothing"),
        ({"invocation_count": 0, "transaction_count": 0}, "counts nothing"),
        ({"gas_fees_wei": "1E18"}, "gas_fees_wei is no whole number"),
        ({"gas_fees_wei": "1" * 30}, "gas_fees_wei is no whole number"),
    ],
)
def test_a_row_that_counts_no_calls_is_named_and_the_others_land(tmp_path, wrong, reason):
    write(tmp_path, "BASE/2024-05-01.parquet", {**CALL, **wrong}, CALL)

    found = rows(read({"folder": str(tmp_path)}))

    assert [stream for stream, _ in found] == ["days", "rejects", "contract_calls"]
    assert (found[1][1]["place"], found[1][1]["reason"]) == ("2024-05-01, row 1", reason)


def test_only_files_that_are_new_or_changed_are_read_again(tmp_path):
    for day in ("2024-05-01", "2024-05-02"):
        write(tmp_path, f"BASE/{day}.parquet", CALL)
    config = {"folder": str(tmp_path)}
    known = states(read(config))
    write(tmp_path, "BASE/2024-05-02.parquet", {**CALL, "invocation_count": 4})
    write(tmp_path, "BASE/2024-04-30.parquet", CALL)

    again = read(config, known)

    days = [row["day"] for stream, row in rows(again) if stream == "days"]
    assert days == ["2024-04-30", "2024-05-02"]
    assert rows(read(config, states(again))) == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("base/2024-05-01.parquet", "is named for no chain and day"),
        ("BASE/2024-5-1.parquet", "is named for no chain and day"),
        ("2024-05-01.parquet", "holds no Parquet of a chain and day"),
    ],
)
def test_a_file_of_another_name_is_one_clear_line(tmp_path, name, problem):
    write(tmp_path, name)

    with pytest.raises(ConfigFailure, match=problem):
        Onchain().check({"folder": str(tmp_path)})


def test_a_file_without_a_column_is_one_clear_line(tmp_path):
    write(tmp_path, "BASE/2024-05-01.parquet", {"contract": A})

    with pytest.raises(ConfigFailure, match="has no column 'caller'"):
        read({"folder": str(tmp_path)})


def test_without_a_project_nothing_is_read_and_that_is_said():
    (message,) = read({"project": "", "keyfile": "", "directory": "none", "start": "2024-05-01"})

    assert message == Log("INFO", "config: project: names none, so that no chain is read")


def test_a_project_alone_does_not_say_what_to_read():
    with pytest.raises(ConfigFailure, match="give a directory and a start with the project"):
        Onchain().check({"project": "mine"})


def test_a_chain_that_was_read_to_its_end_is_asked_for_nothing(tmp_path):
    write_project(tmp_path, (A, "contract", "optimism"))
    last = (datetime.now(UTC).date() - LATE).isoformat()
    done = {"OPTIMISM": {"start": "2024-05-01", "read": last}}
    config = {"project": "mine", "directory": str(tmp_path), "start": "2024-05-01"}

    # No account opens the project: a question would fail.
    found = read({**config, "keyfile": "none"}, {"days": done})

    assert [each.data for each in found] == [done, done, done]


def test_another_start_asks_for_all_days_again(tmp_path):
    write_project(tmp_path, (A, "contract", "optimism"))
    last = (datetime.now(UTC).date() - LATE).isoformat()
    done = {"OPTIMISM": {"start": "2024-05-01", "read": last}}
    config = {"project": "mine", "directory": str(tmp_path), "start": "2024-04-01"}

    with pytest.raises(ConfigFailure, match="none"):
        read({**config, "keyfile": "none"}, {"days": done})


def test_contracts_are_the_addresses_with_code(tmp_path):
    listed = (A, "contract", "optimism"), (B, "eoa", "optimism"), (C, "factory", "any_evm")
    write_project(tmp_path, *listed)

    assert contracts(str(tmp_path)) == {"OPTIMISM": {A}, "ANY_EVM": {C}}


def write_project(folder, *listed):
    entries = "".join(
        f"  - {{address: '{address}', tags: [{tag}], networks: [{network}]}}\n"
        for address, tag, network in listed
    )
    path = folder / "data" / "projects" / "p" / "p.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(f"version: 7\nname: p\ndisplay_name: P\nblockchain:\n{entries}")
    (folder / "data" / "collections").mkdir()


NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
RECEIPTS = {
    "transaction_hash": "STRING",
    "block_timestamp": "TIMESTAMP",
    "from_address": "STRING",
    "to_address": "STRING",
    "gas_used": "INT64",
    "effective_gas_price": "INT64",
}
TRACES = {
    "transaction_hash": "STRING",
    "block_timestamp": "TIMESTAMP",
    "trace_type": "STRING",
    "action": "STRUCT<to_address STRING>",
}
# Of these, 0xa… and 0xc… are listed; addresses are written with capitals here and there.
SENT = [
    ("t1", NOON, D, A.replace("a", "A"), 9_000_000_000, 9_000_000_000),
    ("t2", NOON, D, B, 21_000, 10),
    ("t3", NOON, B, A, 21_000, 10),
    ("t4", NOON, B, None, 21_000, 10),
    ("t5", NOON + timedelta(days=1), B, A, 21_000, 10),
    ("t6", NOON - timedelta(hours=12), B, C, 1, 1),
]
CALLED = [
    ("t1", NOON, "call", {"to_address": A}),
    ("t1", NOON, "call", {"to_address": C}),
    ("t1", NOON, "call", {"to_address": C}),
    ("t2", NOON, "call", {"to_address": B}),
    ("t2", NOON, "call", {"to_address": C.replace("c", "C")}),
    ("t3", NOON, "call", {"to_address": A}),
    ("t3", NOON, "suicide", {"to_address": A}),
    ("t5", NOON + timedelta(days=1), "call", {"to_address": A}),
    ("t6", NOON - timedelta(hours=12), "call", {"to_address": C}),
]


def counted(engine, chain):
    """The rows of a day, as BigQuery would give them."""
    dataset = DATASETS[chain]
    query = query_of(chain, dataset)
    day = "TIMESTAMP '2024-05-0{}T00:00:00Z'"
    for name, value in {
        "@day_start": day.format(1),
        "@day_end": day.format(2),
        "@contracts": f"['{A}', '{C}']",
    }.items():
        query = query.replace(name, value)
    tables = {
        f"{dataset}.receipts": Content(RECEIPTS, SENT),
        f"{dataset}.traces": Content(TRACES, CALLED),
    }
    return sorted(engine.execute(query, tables).rows, key=str)


def test_on_ethereum_calls_of_other_contracts_count_and_fees_are_of_whom_was_sent_to(engine):
    assert counted(engine, "MAINNET") == [
        (A, B, 1, 1, 210000),
        (A, D, 1, 1, 81 * 10**18),
        (C, B, 1, 1, 1),
        (C, D, 3, 0, 0),
        (None, None, 0, 5, 0),
    ]


@pytest.mark.parametrize("chain", ["ARBITRUM_ONE", "MATIC", "OPTIMISM"])
def test_without_traces_the_transactions_that_are_sent_to_a_contract_are_its_calls(engine, chain):
    assert counted(engine, chain) == [
        (A, B, 1, 1, 210000),
        (A, D, 1, 1, 81 * 10**18),
        (C, B, 1, 1, 1),
        (None, None, 0, 5, 0),
    ]


def test_the_sample_has_calls_of_few_by_many_a_day_that_is_missing_and_a_row_that_cannot_be(sample):
    found = rows(read({"folder": str(sample / "onchain")}))

    days = {(row["chain"], row["day"]) for stream, row in found if stream == "days"}
    calls = [row for stream, row in found if stream == "contract_calls"]
    assert len(days) == 119
    assert ("OPTIMISM", "2025-10-11") not in days
    assert {row["reason"] for stream, row in found if stream == "rejects"} == {
        "caller is no address in lower case"
    }
    assert sum(Decimal(row["gas_fees_wei"]) for row in calls) > 2**63
