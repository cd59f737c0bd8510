"""What SQLMesh says of its builds: how far one is, which audit ran over what, what failed, and which
builds wrote a table's rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlglot import exp
from sqlmesh.core.console import NoopConsole
from sqlmesh.core.snapshot import Snapshot
from sqlmesh.core.state_sync import StateSync
from sqlmesh.core.state_sync.db.interval import IntervalState
from sqlmesh.utils.errors import NodeAuditsErrors

from oso_processors.days import Span
from oso_processors.progress import Step
from oso_processors.sqlmesh_names import one_line, public_name
from oso_processors.tables import Builds


@dataclass(frozen=True, slots=True)
class Audited:
    """One audit of one interval of a model: `position` is the audit's place in the model's header.

    `bad_rows` is None where nothing is known of them; `milliseconds` are those of the interval's build.
    """

    model: str
    position: int
    audit: str
    starts_at: datetime
    ends_at: datetime
    passed: bool
    bad_rows: int | None
    milliseconds: int | None


@dataclass
class Watch(NoopConsole):
    """Hears SQLMesh's events: counts what was done and keeps what failed."""

    step: Step | None = None
    models: set[str] = field(default_factory=set)
    audits: list[Audited] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    _intervals: dict[str, tuple[Snapshot, Any]] = field(default_factory=dict)

    def show_linter_violations(
        self, violations: Iterable[Any], model: Any, is_error: bool = False
    ) -> None:
        """Keep what the linter refuses."""
        if is_error:
            self.violations += [
                f"{model.name}: {each.violation_msg} ({each.rule.name})" for each in violations
            ]

    def start_evaluation_progress(
        self, batched_intervals: Mapping[Any, Any], *_: Any, **__: Any
    ) -> None:
        """Tell how many models there are to build."""
        if self.step is not None:
            self.step.advance(0, total=len(batched_intervals))

    def update_snapshot_evaluation_progress(
        self,
        snapshot: Snapshot,
        interval: Any,
        batch_idx: int,
        duration_ms: int | None,
        num_audits_passed: int,
        num_audits_failed: int,
        *_: Any,
        **__: Any,
    ) -> None:
        """Keep what passed; an interval that failed comes here too, with nothing known of it yet."""
        self._intervals[snapshot.name] = (snapshot, interval)
        if num_audits_passed:
            self.audits += _audited(snapshot, interval, duration_ms, {})
        if snapshot.name not in self.models:
            self.models.add(snapshot.name)
            if self.step is not None:
                self.step.advance()

    def log_failed_models(self, errors: Iterable[Any]) -> None:
        """Keep what failed."""
        for error in errors:
            name = _node(error)
            cause = error.__cause__
            if not isinstance(cause, NodeAuditsErrors):
                self.failures.append(f"{public_name(name)}: {one_line(cause or error)}")
                continue
            bad = {each.audit_name: each.count for each in cause.errors}
            self.failures += [
                f"{each.model_name}: audit {each.audit_name} found {each.count:,} bad rows"
                for each in cause.errors
            ]
            if name in self._intervals:
                self.audits += _audited(*self._intervals[name], None, bad)


def builds(state: StateSync, snapshot: Snapshot) -> Builds | None:
    """Return every build that wrote rows of a model's table; None where it has no table of its own."""
    if not snapshot.is_model or snapshot.model.kind.is_view:
        return None
    found = _interval_state(state)
    rows = found.engine_adapter.fetchall(
        exp.select("id", "start_ts", "end_ts")
        .from_(found.intervals_table)
        .where(exp.column("name").eq(snapshot.name), exp.column("version").eq(snapshot.version))
        .where("NOT is_dev", "NOT is_removed", "NOT is_pending_restatement")
    )
    if not snapshot.is_incremental_by_time_range:
        return Builds(None, {name: None for name, _, _ in rows})
    days = {name: Span(_day(start), _day(end - 1)) for name, start, end in rows}
    return Builds(snapshot.model.time_column.column.name, days)


def _interval_state(state: Any) -> IntervalState:
    """Return where SQLMesh keeps what it built and when, which it tells of no single interval."""
    # What keeps snapshots in memory stands in front of it.
    found: IntervalState = getattr(state, "state_sync", state).interval_state
    return found


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment / 1000, UTC).date()


def _node(error: Any) -> str:
    node = error.node
    return str(node[0] if isinstance(node, tuple) else getattr(node, "snapshot_name", ""))


def _audited(
    snapshot: Snapshot, interval: Any, duration_ms: int | None, bad: Mapping[str, int]
) -> Iterator[Audited]:
    starts_at, ends_at = (datetime.fromtimestamp(each / 1000, UTC) for each in interval)
    for position, (audit, _) in enumerate(snapshot.node.audits_with_args, 1):
        yield Audited(
            model=public_name(snapshot.name),
            position=position,
            audit=audit.name,
            starts_at=starts_at,
            ends_at=ends_at,
            # Of two audits with one name, SQLMesh does not say which one failed.
            passed=audit.name not in bad,
            bad_rows=bad.get(audit.name, 0),
            milliseconds=duration_ms,
        )
