"""`oso check`."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import click
from rich.table import Table

from oso_processors.check import scope
from oso_processors.cli.report import show
from oso_processors.cost import Cost, meter_of, money, require_at_most, shown, total
from oso_processors.progress import Progress
from oso_processors.settings import Settings

if TYPE_CHECKING:
    from oso_processors.check.scope import Scope
    from oso_processors.check.steps import Report
    from oso_processors.models import Models


@click.command()
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option("--changed", is_flag=True, help="Check only what differs from a base in git.")
@click.option(
    "--base",
    metavar="REVISION",
    help="That base; its branching point counts. Default: origin/main, or else main.",
)
@click.option("--cost", is_flag=True, help="Print what the queries read, in bytes and money.")
@click.option(
    "--max-bytes",
    type=click.IntRange(0),
    help="Refuse when the queries read more than that, together.",
)
@click.pass_context
def check(
    ctx: click.Context,
    names: tuple[str, ...],
    changed: bool,
    base: str | None,
    cost: bool,
    max_bytes: int | None,
) -> None:
    """Check models before a pull request, as CI does after it.

    Format, lint, declarations, unit tests on DuckDB; then every query is analysed, and every unit
    test executed, by Google's own GoogleSQL, which runs on this machine and needs no account. The
    first call on a machine compiles it, which takes a minute. No warehouse is needed or touched.

    Without MODEL, everything is checked. With --changed, the changed models, and the analysis of
    those that read them; everything when a macro, seed, audit or the configuration changed.

    With --cost or --max-bytes, BigQuery is asked what building one day would read, which is free;
    OSO_GATEWAY=bigquery says that there is one. The embedded warehouse does not know.

    \b
    Examples:
      oso check
      oso check marts.projects_v1
      oso check --changed --base origin/main
      OSO_GATEWAY=bigquery oso check --changed --cost
    """
    if names and (changed or base):
        raise click.UsageError("name models, or use --changed, not both")
    if base and not changed:
        raise click.UsageError("--base goes with --changed")
    # Syntax trees are many and live as long as we do: to look among them for garbage takes a fifth of
    # the time and finds nothing.
    gc.disable()
    models, chosen, report = _checked(ctx.obj, names, changed, base)
    for finding in report.findings:
        click.echo(str(finding))
        for line in finding.detail.splitlines():
            click.echo(f"    {line}")
    for each in report.unproven:
        click.echo(f"analysed, not executed: {each}")
    click.echo(_sum(report))
    if cost or max_bytes is not None:
        _tell_cost(ctx.obj, models, chosen, max_bytes)
    ctx.exit(1 if report.findings else 0)


def _checked(
    settings: Settings, names: tuple[str, ...], changed: bool, base: str | None
) -> tuple[Models, Scope, Report]:
    progress = Progress()
    started = time.monotonic()
    paths = scope.changed_paths(settings.project, base) if changed else None
    with progress.step("loading the project"):
        from oso_processors.check.steps import Done, Report, check
        from oso_processors.googlesql import Engine
        from oso_processors.models import Models

        models = Models(settings)
    if paths is not None:
        chosen = scope.concerned(models, settings.project, paths)
    else:
        chosen = scope.named(models, names) if names else scope.everything(models)
    engine = Engine.load(progress)
    loaded = Done("loading", f"{len(models.all)} models", time.monotonic() - started)
    report = check(settings.project, models, chosen, engine, progress.say)
    report = Report([loaded, *report.steps], report.findings, report.unproven)
    show(_table(report))
    return models, chosen, report


def _tell_cost(settings: Settings, models: Models, chosen: Scope, max_bytes: int | None) -> None:
    meter = meter_of(settings.gateway, os.environ)
    now = datetime.now(UTC)
    costs = meter.estimate(
        {name: models.daily_query(name, now) for name in chosen.names if models[name].has_query}
    )
    known = [each for each in costs if each.bytes is not None]
    if known:
        show(_cost_table(known, meter.price_per_tib))
    for reason in dict.fromkeys(each.reason for each in costs if each.bytes is None):
        count = sum(each.reason == reason for each in costs)
        click.echo(f"bytes of {count} models are unknown: {reason}")
    if max_bytes is not None:
        require_at_most(costs, max_bytes)


def _cost_table(costs: Sequence[Cost], price: Decimal | None) -> Table:
    table = Table("model", "reads", "costs", title="Building one day", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for each in costs:
        table.add_row(each.model, shown(each.bytes), money(each.bytes, price))
    table.add_row("all", shown(total(costs)), money(total(costs), price))
    return table


def _table(report: Report) -> Table:
    table = Table("step", "checked", "to mend", "seconds", title="Checked", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for done in report.steps:
        count = sum(each.step == done.step for each in report.findings)
        table.add_row(done.step, done.looked_at, f"{count}", f"{done.seconds:.1f}")
    return table


def _sum(report: Report) -> str:
    seconds = sum(each.seconds for each in report.steps)
    unproven = f", {len(report.unproven)} tests not executed" if report.unproven else ""
    found = f"{len(report.findings)} to mend" if report.findings else "nothing to mend"
    return f"{found}{unproven} ({seconds:.1f} s)"
