"""The sample is made in bounded memory, whatever its size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PEAK = """
import resource, sys
from pathlib import Path
from oso_processors.progress import Progress
from oso_processors.sample import SampleSize, make_sample
size = SampleSize(events=int(sys.argv[1]), days=60, projects=120)
made = make_sample(Path(sys.argv[2]), size, 1, Progress(quiet=True))
assert made.commits > size.events / 2
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_megabytes(events: int, folder: Path) -> float:
    made = subprocess.run(
        [sys.executable, "-c", PEAK, str(events), str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(made.stdout) / 1024


@pytest.mark.long
def test_ten_times_the_events_take_little_more_memory(tmp_path: Path) -> None:
    few, many = (peak_megabytes(n, tmp_path / str(n)) for n in (20_000, 200_000))
    # A commit is twenty-nine bytes, and was two thousand as a dictionary.
    assert many - few < 100
