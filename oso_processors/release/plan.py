"""Decide what a release does, before anything is done: pure, so that printing it is the dry run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from oso_processors.release.changes import kind_of
from oso_processors.stores import Changed, Manifest, Output, Published

Kind = Literal[
    "unchanged", "new", "incremental", "full", "additive", "breaking", "removed", "blocked"
]
MOVING = ("new", "incremental", "full", "additive", "breaking")
# A table that lost more of its rows is taken for broken until a person says that it is not.
SHRINK_LIMIT = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one output: `row_count` and `byte_count` are what would be moved or is there.

    New, incremental (rows of some days are other ones), full (any may be), additive (columns were
    added at its end), breaking (columns went, moved or have another type, or the grain is another),
    removed, unchanged or blocked.
    """

    name: str
    kind: Kind
    row_count: int = 0
    byte_count: int = 0
    reason: str = ""

    def __str__(self) -> str:
        size = f", {self.row_count:,} rows, {self.byte_count / 1e6:,.1f} MB"
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.kind} {self.name}{size if self.kind in MOVING else ''}{reason}"


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
    may_shrink: Collection[str] = (),
    doubts: Mapping[str, str] | None = None,
) -> Plan:
    """Compare ``outputs`` with what each store serves.

    What is ``blocked`` is not released; what is in doubt stays as it is, and blocks where it changed.

    The newest release that any store serves is the one to go on from: a store that serves an older one
    was left behind by a crash, and is brought up to it even when nothing else is new. Two stores that
    mean different things by one number (their folders or servers were swapped) need a new number.
    """
    newest = newest_of(served.values())
    before = newest.contents if newest else {}
    steps = [
        _step(each, before.get(each.name), blocked, doubts or {}, may_shrink) for each in outputs
    ]
    names = {each.name for each in outputs} | set(blocked)
    steps += [
        Step(name, "blocked", reason=reason)
        for name, reason in sorted(blocked.items())
        if name not in {each.name for each in outputs}
    ]
    steps += [
        Step(name, "removed")
        for name in sorted(before)
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


def _step(
    output: Output,
    old: Published | None,
    blocked: Mapping[str, str],
    doubts: Mapping[str, str],
    may_shrink: Collection[str],
) -> Step:
    size = (output.row_count, output.byte_count)
    reason = blocked.get(output.name) or _shrunken(output, old, may_shrink)
    if reason:
        return Step(output.name, "blocked", *size, reason)
    if old is not None and old.digest == output.digest:
        return Step(output.name, "unchanged", *size)
    if output.name in doubts:
        return Step(output.name, "blocked", *size, doubts[output.name])
    if output.changed is not None:
        return _incremental(output, output.changed)
    return Step(output.name, kind_of(old, output.published()), *size)


def _incremental(output: Output, changed: Changed) -> Step:
    rows = output.rows_on(changed.days)
    byte_count = output.byte_count * rows // max(output.row_count, 1)
    return Step(output.name, "incremental", rows, byte_count)


def _shrunken(output: Output, old: Published | None, may_shrink: Collection[str]) -> str:
    """Return why an output that lost many rows is not fit, or nothing."""
    if old is None or output.name in may_shrink or "all" in may_shrink:
        return ""
    if output.row_count >= old.row_count * (1 - SHRINK_LIMIT):
        return ""
    return (
        f"it would shrink from {old.row_count:,} to {output.row_count:,} rows, by more than"
        f" {SHRINK_LIMIT:.0%}; if that is right, add --allow-shrink {output.name}"
    )
