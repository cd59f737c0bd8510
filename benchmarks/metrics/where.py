"""Where a build spends its CPU: `python where.py` builds the warehouse of OSO_HOME and prints it by model.

One model at a time, so that the CPU seconds of the process between two moments are those of what ran there.
"""

from __future__ import annotations

import resource
import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from sqlmesh.core.context import GenericContext
from sqlmesh.core.engine_adapter.duckdb import DuckDBEngineAdapter
from sqlmesh.core.snapshot.evaluator import SnapshotEvaluator

from oso_processors.garbage import collect_seldom
from oso_processors.progress import Progress
from oso_processors.settings import Settings
from oso_processors.sqlmesh_names import public_name
from oso_processors.warehouse import Warehouse

Spent = Counter[tuple[str, str]]


def cpu() -> float:
    """Return the CPU seconds of this process until now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Meter:
    """Counts CPU seconds by model and phase; what runs inside another is taken from it."""

    def __init__(self) -> None:
        self.spent: Spent = Counter()
        self._open: list[tuple[str, str]] = [("", "python")]
        self._since = cpu()

    def enter(self, model: str, phase: str) -> None:
        """Count for this from now on."""
        self._turn()
        self._open.append((model or self._open[-1][0], phase))

    def leave(self) -> None:
        """Count for what was before."""
        self._turn()
        self._open.pop()

    def finish(self) -> Spent:
        """Return what was counted."""
        self._turn()
        return self.spent

    @property
    def is_auditing(self) -> bool:
        """Whether an audit runs."""
        return any(phase == "audits" for _, phase in self._open)

    def _turn(self) -> None:
        now = cpu()
        self.spent[self._open[-1]] += now - self._since
        self._since = now


METER = Meter()


def counted(owner: type, name: str, place: Callable[..., tuple[str, str]]) -> None:
    """Count a method's CPU seconds for where ``place`` says."""
    inner = getattr(owner, name)

    @wraps(inner)
    def outer(self: Any, *args: Any, **kwargs: Any) -> Any:
        METER.enter(*place(*args, **kwargs))
        try:
            return inner(self, *args, **kwargs)
        finally:
            METER.leave()

    setattr(owner, name, outer)


def main() -> None:
    """Build, and print what it took."""
    collect_seldom()  # as `oso` does
    GenericContext.concurrent_tasks = property(lambda _: 1)  # type: ignore[method-assign,assignment]
    counted(
        SnapshotEvaluator, "evaluate", lambda snapshot, **_: (public_name(snapshot.name), "python")
    )
    counted(
        SnapshotEvaluator, "audit", lambda snapshot, **_: (public_name(snapshot.name), "audits")
    )
    counted(
        DuckDBEngineAdapter,
        "_execute",
        lambda *_, **__: ("", "audits" if METER.is_auditing else "queries"),
    )
    METER.enter("(loading)", "python")
    with Warehouse(Settings.from_environ()) as warehouse:
        METER.leave()
        METER.enter("(planning and state)", "python")
        warehouse.build(Progress(quiet=True))
        METER.leave()
    show(METER.finish())


def show(spent: Spent) -> None:
    """Print the phases, and then the models with the most."""
    phases, models = Counter[str](), Counter[str]()
    for (model, phase), seconds in spent.items():
        phases[phase] += seconds
        models[model or "(start and end)"] += seconds
    whole = sum(phases.values())
    print(f"| phase | CPU s | share |\n|---|---|---|\n| all | {whole:.1f} | |")
    for phase, seconds in phases.most_common():
        print(f"| {phase} | {seconds:.1f} | {seconds / whole:.0%} |")
    print("\n| model | CPU s | queries | audits | python |\n|---|---|---|---|---|")
    for model, seconds in models.most_common(int(sys.argv[1]) if sys.argv[1:] else 15):
        parts = " | ".join(f"{spent[model, each]:.1f}" for each in ("queries", "audits", "python"))
        print(f"| {model} | {seconds:.1f} | {parts} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\nPeak memory: {peak:,} MB")


if __name__ == "__main__":
    main()
