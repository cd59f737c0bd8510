"""Calls of the sample's contracts on its chains, a Parquet file a chain and day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oso_processors.collectors.onchain import contracts
from oso_processors.sample.world import END

CALLS = pa.schema(
    [
        ("contract", pa.string()),
        ("caller", pa.string()),
        ("invocation_count", pa.int64()),
        ("transaction_count", pa.int64()),
        ("gas_fees_wei", pa.string()),
    ]
)
CHAINS = ("BASE", "MAINNET", "OPTIMISM")
DAYS = 40
# A day that nobody counted.
MISSING = ("OPTIMISM", END.date() - timedelta(days=9))
CALLERS = 60

Row = dict[str, Any]


def write_calls(folder: Path, directory: Path) -> None:
    """Write the days of each chain below ``folder``, of the contracts that ``directory`` lists there."""
    listed = contracts(str(directory))
    for chain in CHAINS:
        own = sorted(listed.get(chain, set()) | listed.get("ANY_EVM", set()))
        (folder / chain).mkdir(parents=True)
        for number in range(DAYS):
            day = END.date() - timedelta(days=DAYS - number)
            if (chain, day) != MISSING:
                rows = [row for contract in own for row in _rows(chain, day, contract)]
                # A row that no chain can give.
                rows += [{**row, "caller": "0x1"} for row in rows[:1] if number == 3]
                table = pa.Table.from_pylist(rows, CALLS)
                pq.write_table(table, folder / chain / f"{day}.parquet")


def _rows(chain: str, day: date, contract: str) -> Iterator[Row]:
    """Yield who called a contract on a day: few do so often, some call others that call it."""
    drawn = hashlib.sha256(f"{chain}/{day}/{contract}".encode()).digest()
    for rank in range(drawn[0] % 24):
        # The square of a draw: the first callers are drawn most.
        caller = (drawn[rank + 1] * drawn[rank + 2] * CALLERS) >> 16
        transactions = 0 if rank % 5 == 4 else 1 + 40 // (rank + 1) ** 2
        yield {
            "contract": contract,
            "caller": f"0x{hashlib.sha1(f'caller/{caller}/{rank}'.encode(), usedforsecurity=False).hexdigest()}",
            "invocation_count": transactions + drawn[rank] % 4 + (transactions == 0),
            "transaction_count": transactions,
            "gas_fees_wei": str(transactions * (21_000 + drawn[rank]) * 1_234_567_890_123),
        }
