"""Decide what a release does, before anything is done: pure, so that printing it is the dry run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from oso_processors.stores import Manifest, Output

Kind = Literal["unchanged", "new", "changed", "removed", "blocked"]


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one output."""

    name: str
    kind: Kind
    row_count: int = 0
    reason: str = ""

    def __str__(self) -> str:
        rows = f", {self.row_count:,} rows" if self.kind in ("new", "changed") else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.kind} {self.name}{rows}{reason}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a release; `behind` are stores that do not serve the newest release yet."""

    number: int
    steps: tuple[Step, ...]
    behind: tuple[str, ...]

    @property
    def is_new(self) -> bool:
        """Whether anything changed since the newest release."""
        return any(step.kind != "unchanged" for step in self.steps)

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to do in any store."""
        return not self.is_new and not self.behind

    @property
    def blocked(self) -> tuple[str, ...]:
        """Why the release cannot be made, a line for each output that is not fit."""
        return tuple(f"{each.name}: {each.reason}" for each in self.steps if each.kind == "blocked")


def plan(
    outputs: Sequence[Output],
    served: Mapping[str, Manifest | None],
    blocked: Mapping[str, str],
) -> Plan:
    """Compare ``outputs`` with what each store serves.

    The newest release that any store serves is the one to go on from: a store that serves an older one
    was left behind by a crash, and is brought up to it even when nothing else is new. Two stores that
    mean different things by one number (their folders or servers were swapped) need a new number.
    """
    newest = newest_of(served.values())
    digests = newest.digests if newest else {}
    steps = [_step(each, digests, blocked) for each in outputs]
    names = {each.name for each in outputs} | set(blocked)
    steps += [
        Step(name, "blocked", reason=reason)
        for name, reason in sorted(blocked.items())
        if name not in {each.name for each in outputs}
    ]
    steps += [
        Step(name, "removed")
        for name in sorted(digests)
        if name not in names and not name.startswith("_")
    ]
    is_new = any(step.kind != "unchanged" for step in steps)
    behind = tuple(name for name, each in served.items() if each is None or each != newest)
    if newest is None:
        return Plan(1, tuple(steps), behind)
    taken = [each for each in served.values() if each and each.number == newest.number]
    is_taken = any(each != newest for each in taken)
    return Plan(newest.number + (is_new or is_taken), tuple(steps), behind)


def newest_of(served: Iterable[Manifest | None]) -> Manifest | None:
    """Return the release with the largest number."""
    return max((each for each in served if each), key=lambda each: each.number, default=None)


def _step(output: Output, digests: Mapping[str, str], blocked: Mapping[str, str]) -> Step:
    if output.name in blocked:
        return Step(output.name, "blocked", reason=blocked[output.name])
    if output.name not in digests:
        return Step(output.name, "new", output.row_count)
    if digests[output.name] != output.digest:
        return Step(output.name, "changed", output.row_count)
    return Step(output.name, "unchanged", output.row_count)
