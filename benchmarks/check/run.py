"""What `oso check` takes, step by step: on a new machine, again, and for one model. See README.md."""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

OSO = str(Path(sys.executable).parent / "oso")
ROW = re.compile(r"│ (?P<step>[^│]+?) +│ (?P<looked>[^│]+?) +│ +\d+ │ +(?P<seconds>[\d.]+) │")
PACKAGES = ("sqlmesh", "sqlglot", "duckdb", "zetasql", "wasmtime")


@dataclass(frozen=True)
class Figures:
    """What one call took: in all, and each of its steps."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: int
    steps: dict[str, tuple[str, float]]


def main() -> None:
    """Check on a new machine, then again and again, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="marts.timeseries_metrics_by_project_v1")
    options = parser.parse_args()
    versions = ", ".join(f"{each} {version(each)}" for each in PACKAGES)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; {versions}\n")
    with tempfile.TemporaryDirectory(prefix="oso-benchmark-") as place:
        new = [_measured(place)]
        again = [_measured(place) for _ in range(options.rounds)]
        one = [_measured(place, options.model) for _ in range(options.rounds)]
    sides = {"new machine": new, "again": again, "one model": one}
    print("| | wall s | CPU s | peak MB |\n|---|---|---|---|")
    for name, figures in sides.items():
        wall, cpu = (
            median(getattr(f, key) for f in figures) for key in ("wall_seconds", "cpu_seconds")
        )
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {max(f.peak_mb for f in figures)} |")
    print("\n| step | checked | new machine, s | again, s | one model, s |\n|---|---|---|---|---|")
    for step, (looked, _) in new[0].steps.items():
        seconds = [median(f.steps[step][1] for f in figures) for figures in sides.values()]
        print(f"| {step} | {looked} | {' | '.join(f'{each:.1f}' for each in seconds)} |")


def _measured(place: str, *arguments: str) -> Figures:
    environment = {**os.environ, "XDG_CACHE_HOME": f"{place}/cache", "OSO_HOME": f"{place}/home"}
    started = os.times().elapsed
    process = subprocess.Popen(
        [OSO, "check", *arguments],
        env={**environment, "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(said)
    steps = {f["step"]: (f["looked"], float(f["seconds"])) for f in ROW.finditer(said)}
    seconds = os.times().elapsed - started
    return Figures(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024, steps)


if __name__ == "__main__":
    main()
