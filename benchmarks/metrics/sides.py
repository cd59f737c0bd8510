"""The sides of the benchmark, each a program of its own: `python sides.py SIDE …`.

What is not ours runs without anything of ours: it reads the raw tables and writes what is published.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

LIMIT = Path(__file__).parent / "limit"
# What every side is given: our own models have it from config.yaml and from the collectors.
SETTINGS = """
SET memory_limit = '{memory}'; SET threads = 2; SET TimeZone = 'UTC'; SET enable_progress_bar = false;
SET temp_directory = '{spill}'; SET preserve_insertion_order = false
"""


def limit(database: str, today: str, catalogue: str, seeds: str, memory: str = "4GB") -> None:
    """Compute the published tables by hand, in the database that holds the raw ones."""
    import os

    import duckdb
    from persons import join_persons

    with duckdb.connect(database) as connection:
        connection.execute(SETTINGS.format(memory=memory, spill=f"{database}.tmp"))
        for name in ("bots", "chains", "event_types", "shared_addresses"):
            connection.execute(f"CREATE TABLE {name} AS FROM read_csv('{seeds}/{name}.csv')")
        connection.execute(f"CREATE TABLE catalogue AS FROM '{catalogue}'")
        connection.execute(f"CREATE MACRO today() AS TIMESTAMPTZ '{today} 00:00:00+00'")
        connection.execute("CREATE MACRO first_moment() AS TIMESTAMPTZ '2011-02-12 00:00:00+00'")
        connection.execute(
            f"CREATE MACRO actor_key() AS '{os.environ.get('OSO_ACTOR_KEY', 'oso')}'"
        )
        connection.execute("CREATE SCHEMA published")
        for path in sorted(LIMIT.glob("*.sql")):
            connection.execute(path.read_text())
            if path.stem == "2_events":
                join_persons(connection)


def ours(memory: str = "4GB") -> None:
    """Build the warehouse of OSO_HOME, as `oso run` does after collecting."""
    import os

    os.environ["OSO_MEMORY_LIMIT"] = memory
    from oso_processors.garbage import collect_seldom
    from oso_processors.progress import Progress
    from oso_processors.settings import Settings
    from oso_processors.warehouse import Warehouse

    collect_seldom()  # as the command line does
    with Warehouse(Settings.from_environ()) as warehouse:
        warehouse.build(Progress(quiet=True))


SIDES: dict[str, Callable[..., None]] = {"limit": limit, "ours": ours}

if __name__ == "__main__":
    SIDES[sys.argv[1]](*sys.argv[2:])
