"""Progress of long work: a bar on a terminal, plain lines elsewhere.

Work calls `Progress.step` and then `advance`; it never knows which of the two is shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

PLAIN_INTERVAL_SECONDS = 5.0


@dataclass
class Step:
    """One piece of long work; `total` is None while it is not known."""

    name: str
    total: int | None
    _bar: RichProgress | None
    _task: int | None = None
    done: int = 0
    _started: float = field(default_factory=time.monotonic)
    _said: float = field(default_factory=time.monotonic)

    def advance(self, count: int = 1, total: int | None = None) -> None:
        """Count ``count`` more as done, and set the total when it is now known."""
        self.done += count
        self.total = self.total if total is None else total
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, total=self.total)  # type: ignore[arg-type]
        elif time.monotonic() - self._said > PLAIN_INTERVAL_SECONDS:
            self._said = time.monotonic()
            of = f" of {self.total:,}" if self.total else ""
            print(f"  {self.name}: {self.done:,}{of}", file=sys.stderr, flush=True)  # noqa: T201


class Progress:
    """Shows steps on standard error; `quiet` shows nothing."""

    def __init__(self, console: Console | None = None, quiet: bool = False) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.quiet = quiet

    def say(self, line: str) -> None:
        """Print one plain line."""
        if not self.quiet:
            self.console.print(line, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Step]:
        """Show ``name`` while the block runs, and how long it took at the end."""
        if self.quiet:
            yield Step(name, total, None, _said=float("inf"))
            return
        if not self.console.is_terminal:
            step = Step(name, total, None)
            yield step
            self.say(f"{name}: {time.monotonic() - step._started:.1f} s")
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(show_speed=True),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with RichProgress(*columns, console=self.console) as bar:
            yield Step(name, total, bar, bar.add_task(name, total=total))
