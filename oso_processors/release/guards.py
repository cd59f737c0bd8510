"""What keeps a changed output back though its model is whole: sources that are old, or lack too much.

What is served already stays; a person lets the output out by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from oso_processors.declarations import Processor

# Gaps from before are known by now, and coverage tells of them.
GAP_DAYS = 30
COLLECTED = "SELECT source, collected_at FROM raw._collected"
# Hours that are missing in a row are one gap.
GAPS = f"""
WITH missing AS (
  SELECT DISTINCT source, started_at, ended_at FROM raw.gaps
  WHERE ended_at > now() - INTERVAL {GAP_DAYS} DAY
), begun AS (
  SELECT *, started_at > COALESCE(LAG(ended_at) OVER (PARTITION BY source ORDER BY started_at),
    TIMESTAMPTZ '1970-01-01') AS is_first FROM missing
), numbered AS (
  SELECT *, count_if(is_first) OVER (PARTITION BY source ORDER BY started_at) AS gap FROM begun
), whole AS (
  SELECT source, epoch(max(ended_at) - min(started_at)) AS seconds FROM numbered GROUP BY source, gap
)
SELECT source, max(seconds) FROM whole GROUP BY source
"""


@dataclass(frozen=True, slots=True)
class Supply:
    """What the sources gave: when each was last collected to its end, and its longest recent gap."""

    collected_at: Mapping[str, datetime]
    longest_gap: Mapping[str, timedelta]


def supply(connection: duckdb.DuckDBPyConnection) -> Supply:
    """Return what collectors wrote down."""
    there = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'"
    ).fetchall()
    collected, gaps = (
        connection.execute(query).fetchall() if (table,) in there else []
        for table, query in (("_collected", COLLECTED), ("gaps", GAPS))
    )
    return Supply(dict(collected), {name: timedelta(seconds=each) for name, each in gaps})


def doubt(
    processor: Processor,
    sources: Collection[str],
    given: Supply,
    may_be_stale: Collection[str] = (),
    may_lack: Collection[str] = (),
) -> str:
    """Return why a change of the output is not let out, or nothing."""
    reasons = [
        "" if _is_named(processor, may_be_stale) else _stale(processor, sources, given),
        "" if _is_named(processor, may_lack) else _lacking(processor, sources, given),
    ]
    return "; ".join(filter(None, reasons))


def _is_named(processor: Processor, names: Collection[str]) -> bool:
    return processor.name in names or "all" in names


def _stale(processor: Processor, sources: Collection[str], given: Supply) -> str:
    oldest = min(
        ((given.collected_at[name], name) for name in sources if name in given.collected_at),
        default=None,
    )
    if oldest is None or datetime.now(UTC) - oldest[0] <= processor.freshness:
        return ""
    return (
        f"its source {oldest[1]} was last collected on {oldest[0]:%Y-%m-%d %H:%M} UTC, longer ago"
        f" than its freshness; run `oso collect`, or add --allow-stale {processor.name}"
    )


def _lacking(processor: Processor, sources: Collection[str], given: Supply) -> str:
    longest = max(
        ((given.longest_gap[name], name) for name in sources if name in given.longest_gap),
        default=None,
    )
    if processor.max_gap is None or longest is None or longest[0] <= processor.max_gap:
        return ""
    return (
        f"its source {longest[1]} lacks {longest[0] / timedelta(hours=1):,.0f} hours in a row, more"
        f" than its max_gap; collect them, or add --allow-gap {processor.name}"
    )
