"""The tables that commands end with."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from oso_processors.collectors.lander import Landed
from oso_processors.release import Released
from oso_processors.tables import Built


def show(*tables: Table) -> None:
    """Print tables on standard output."""
    console = Console(highlight=False)
    for table in tables:
        console.print(table)


def collected_table(landed: Sequence[Landed]) -> Table:
    """Return what was collected."""
    table = Table(
        "source", "stream", "new rows", "set aside", title="Collected", title_justify="left"
    )
    table.columns[2].justify = table.columns[3].justify = "right"
    for each in landed:
        aside = each.rejected + each.damaged + each.rows.get("rejects", 0)
        rows = {name: count for name, count in each.rows.items() if name not in ("gaps", "rejects")}
        first = True
        for stream, count in (rows or {"-": 0}).items():
            table.add_row(
                each.source if first else "", stream, f"{count:,}", f"{aside:,}" if first else ""
            )
            first = False
    return table


def built_table(built: Built) -> Table:
    """Return what was built and audited."""
    table = Table("models built", "audits passed", "audits failed", "seconds")
    table.title, table.title_justify = "Built", "left"
    for column in table.columns:
        column.justify = "right"
    # A failed audit ends the run before this is shown.
    table.add_row(f"{built.model_count}", f"{built.audit_count}", "0", f"{built.seconds:.1f}")
    return table


def released_table(done: Released) -> Table:
    """Return what was released."""
    served = done.release
    title = f"Release {served.id} of {served.released_at}"
    table = Table("table", "rows", "change", title=title, title_justify="left")
    table.columns[1].justify = "right"
    for step in done.plan.steps:
        table.add_row(step.name, f"{step.row_count:,}", step.kind)
    return table
