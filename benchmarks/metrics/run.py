"""What it costs to build the published tables, side by side with others, in one run. See README.md.

CPU seconds are those of a process and of all that it started, as the operating system counts them.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
SEEDS = HERE.parents[1] / "seeds"
SUMS = 'SELECT count(*), sum(CAST(hash({columns}) AS HUGEINT)) FROM "{table}"'


@dataclass(frozen=True)
class Figures:
    """What one run of a side took, and how large its database is then."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: int
    database_mb: int


@dataclass(frozen=True)
class Bench:
    """Where the benchmark works, and with what."""

    place: Path
    options: argparse.Namespace
    today: str

    def home(self, name: str) -> Path:
        """Return the folder of a side."""
        return self.place / name

    def size(self, days: int) -> list[str]:
        """Return how much there is in so many days, the same on each."""
        options = self.options
        return [str(options.events * days // options.days), str(days), str(options.projects)]


def main() -> None:
    """Make the raw tables, run the sides in turn, and print their tables."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="oso-benchmark-", dir=options.scratch) as scratch:
        bench = Bench(Path(scratch), options, f"{datetime.now(UTC):%Y-%m-%d}")
        print(_machine(options))
        for part in options.parts:
            PARTS[part](bench)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=1_000)
    parser.add_argument("--projects", type=int, default=7_000)
    parser.add_argument("--few-days", type=int, default=10, help="what one more day is compared on")
    parser.add_argument("--moved", type=int, default=10, help="projects in the directory's change")
    parser.add_argument("--memory", default="4GB", help="what DuckDB may take on each side")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--others", help="a Python of an environment with others.txt in it")
    parser.add_argument("--scratch", help="a folder with room for ten times the raw tables")
    return parser.parse_args()


def first(bench: Bench) -> None:
    """Build everything once, on each side from the same raw rows, and require that the rows are equal."""
    _made(bench, "raw", bench.options.days)
    catalogue = bench.place / "catalogue.parquet"
    _python("inputs.py", "catalogue", catalogue)
    found: dict[str, Figures] = {}
    published: dict[str, dict[str, tuple[int, int]]] = {}
    given = (bench.today, catalogue, SEEDS, bench.options.memory)
    copy = _copied(bench, "limit")
    found["by hand, the limit"] = _measured(
        copy, [sys.executable, _own("sides.py"), "limit", copy, *given]
    )
    published["by hand, the limit"] = _sums(copy, "published")
    shutil.rmtree(copy.parent)
    if bench.options.others:
        copy = _copied(bench, "dbt")
        found["dbt"] = _measured(copy, _dbt_command(bench), _dbt_environment(bench, copy))
        published["dbt"] = _sums(copy, "marts")
        shutil.rmtree(copy.parent)
    copy = _copied(bench, "ours")
    found["ours"] = _ours(bench, "ours")
    published["ours"] = _sums(copy, "marts")
    print("\n## A first build\n")
    _print(found)
    _require_equal(published)
    rows = sum(count for count, _ in published["ours"].values())
    print(f"\n{rows:,} published rows, equal on all sides.", flush=True)


def again(bench: Bench) -> None:
    """Build again: nothing new, one more day, and a changed directory."""
    found: dict[str, Figures] = {}
    for days in (bench.options.few_days, bench.options.days):
        name = f"days-{days}"
        _made(bench, name, days)
        found[f"first build of {days:,} days"] = _ours(bench, name)
        found[f"nothing new on {days:,} days"] = _ours(bench, name)
        _python("inputs.py", "day", bench.home(name), *bench.size(days))
        found[f"one more day on {days:,} days"] = _ours(bench, name)
    _python("inputs.py", "directory", bench.home(name), bench.options.moved)
    found[f"{bench.options.moved} projects changed, {days:,} days"] = _ours(bench, name)
    print("\n## Built again, ours\n")
    _print(found)


PARTS = {"first": first, "again": again}


def _made(bench: Bench, name: str, days: int) -> None:
    bench.home(name).mkdir()
    _python("inputs.py", "made", bench.home(name), *bench.size(days))


def _copied(bench: Bench, name: str) -> Path:
    """Give a side the raw tables; return its database."""
    bench.home(name).mkdir()
    return Path(shutil.copy(bench.home("raw") / "warehouse.duckdb", bench.home(name)))


def _ours(bench: Bench, name: str) -> Figures:
    environment = {"OSO_HOME": str(bench.home(name)), "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1"}
    command = [sys.executable, _own("sides.py"), "ours", bench.options.memory]
    return _measured(bench.home(name) / "warehouse.duckdb", command, environment)


def _dbt_command(bench: Bench) -> list[object]:
    """Write the project of dbt, which is not counted, and return what runs it."""
    folder = bench.place / "dbt-project"
    (bench.place / "dbt-home").mkdir()
    environment = {"OSO_HOME": str(bench.place / "dbt-home")}
    _python("as_dbt.py", folder, bench.today, environment=environment)
    dbt = Path(bench.options.others).parent / "dbt"
    return [dbt, "--quiet", "run", "--project-dir", folder, "--profiles-dir", folder]


def _dbt_environment(bench: Bench, database: Path) -> dict[str, str]:
    return {"BENCHMARK_DATABASE": str(database), "BENCHMARK_MEMORY": bench.options.memory}


def _own(name: str) -> str:
    return str(HERE / name)


def _python(script: str, *arguments: object, environment: Mapping[str, str] | None = None) -> None:
    """Run what is not measured, in a process of its own: a child counts the memory of its parent."""
    command = [sys.executable, _own(script), *map(str, arguments)]
    subprocess.run(command, check=True, env={**os.environ, **(environment or {})})


def _measured(
    database: Path, command: list[object], environment: Mapping[str, str] | None = None
) -> Figures:
    started = os.times().elapsed
    process = subprocess.Popen(
        list(map(str, command)), env={**os.environ, "DO_NOT_TRACK": "1", **(environment or {})}
    )
    # Counts the process and those of its children that it has waited for.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with exit code {process.returncode}")
    return Figures(
        usage.ru_utime + usage.ru_stime,
        os.times().elapsed - started,
        usage.ru_maxrss // 1024,
        database.stat().st_size // 1_000_000,
    )


def _sums(database: Path, schema: str) -> dict[str, tuple[int, int]]:
    """Return the rows of each published table and the sum of their hashes, whatever their order."""
    with duckdb.connect() as connection:
        # Under the name by which our views know it.
        connection.execute(f"ATTACH '{database}' AS oso (READ_ONLY); USE oso.{schema}")
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '2GB'")
        listed = connection.execute(
            "SELECT table_name, list(column_name ORDER BY column_name) FROM information_schema.columns"
            f" WHERE table_catalog = 'oso' AND table_schema = '{schema}' GROUP BY ALL"
        ).fetchall()
        found = {}
        for table, columns in listed:
            row = connection.execute(
                SUMS.format(table=table, columns=", ".join(columns))
            ).fetchone()
            assert row is not None
            found[table] = (int(row[0]), int(row[1] or 0))
    return found


def _require_equal(published: Mapping[str, Mapping[str, tuple[int, int]]]) -> None:
    """End when a side published other rows than ours."""
    ours = published["ours"]
    for side, tables in published.items():
        different = sorted(each for each in ours if ours[each] != tables.get(each))
        if different:
            raise SystemExit(f"{side} published other rows of {', '.join(different)}")


def _print(found: Mapping[str, Figures]) -> None:
    (base, *_) = found.values()
    print("| side | CPU s | ratio | wall s | peak MB | database MB |\n|---|---|---|---|---|---|")
    for name, each in found.items():
        print(
            f"| {name} | {each.cpu_seconds:.1f} | {each.cpu_seconds / base.cpu_seconds:.2f} |"
            f" {each.wall_seconds:.1f} | {each.peak_mb:,} | {each.database_mb:,} |",
            flush=True,
        )


def _machine(options: argparse.Namespace) -> str:
    return (
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, {os.cpu_count()} cores;"
        f" {options.events:,} events, {options.days:,} days, {options.projects:,} projects"
    )


if __name__ == "__main__":
    main()
