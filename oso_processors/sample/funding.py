"""Grants of the sample, as oss-funding writes them, with the dirt of the real table."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random

import orjson

from oso_processors.collectors.oss_funding import COLUMNS
from oso_processors.sample.world import END

FUNDERS = ("fund-a", "fund-b", "collective-c")
YEARS = 5


def write_funding(folder: Path, projects: Sequence[str], random: Random) -> int:
    """Write data/funding_data.csv below ``folder``; return how many rows it has."""
    rows = list(_rows(projects, random))
    # One row stands twice.
    rows.append(rows[len(rows) // 2])
    (folder / "data").mkdir(parents=True)
    with (folder / "data" / "funding_data.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(rows)
    return len(rows)


def _rows(projects: Sequence[str], random: Random) -> Iterator[tuple[str, ...]]:
    for number in range(len(projects) * 2):
        # The first project funds others; some receivers are in no directory, some are not named.
        funder = projects[0] if number % 16 == 0 else random.choice(FUNDERS)
        receiver = random.choice(projects)
        if number % 5 == 2:
            receiver = ""
        elif number % 9 == 4:
            receiver = f"elsewhere-{number}"
        tokens = random.randint(1, 10**12)
        amount = {3: "0.0", 5: f"{tokens // 10**6}.{tokens:015d}"}.get(number % 31, f"{number}50.5")
        day = (END - timedelta(days=random.randrange(365 * YEARS))).date()
        yield _row(receiver, amount, day, funder, number)


def _row(
    receiver: str, amount: str, day: date, funder: str, number: int
) -> tuple[str, str, str, str, str, str, str]:
    metadata = orjson.dumps({"application_name": f"Application “{number}”, again", "unit": "OP"})
    pool = f"round-{number % 4}"
    file = f"data/funders/{funder}/uploads/{pool}.csv"
    return receiver, amount, day.isoformat(), funder, pool, metadata.decode(), file
