"""`oso release`."""

from __future__ import annotations

import click

from oso_processors.progress import Progress
from oso_processors.settings import Settings


@click.command()
@click.option("--dry-run", is_flag=True, help="Print the plan and publish nothing.")
@click.pass_obj
def release(settings: Settings, dry_run: bool) -> None:
    """Publish what is built, in every store at once.

    Every table is read back before readers see it. When one is not fit, nothing is published and the
    old release is still served.

    \b
    Examples:
      oso release
      oso release --dry-run
    """
    from oso_processors.cli.report import released_table, show
    from oso_processors.pipeline import make_release, plan_release
    from oso_processors.warehouse import Warehouse

    progress = Progress()
    with Warehouse(settings) as warehouse:
        if dry_run:
            decided = plan_release(settings, warehouse)
            for step in decided.steps:
                click.echo(str(step))
            click.echo("nothing to do" if decided.is_nothing else f"would be r{decided.number}")
            return
        done = make_release(settings, warehouse, progress)
    show(released_table(done))
    click.echo("Nothing new." if done.plan.is_nothing else f"Released {done.release.id}.")
