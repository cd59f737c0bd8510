"""`oso release`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
import orjson

from oso_processors.progress import Progress
from oso_processors.release.plan import Plan
from oso_processors.settings import Settings


def consent(command: Any) -> Any:
    """Give a command that releases the options that let out what is held back."""
    for option in (
        click.option(
            "--again",
            is_flag=True,
            help="Publish what a rollback took back, though it is the same.",
        ),
        click.option(
            "--allow-shrink",
            "may_shrink",
            multiple=True,
            metavar="TABLE",
            help="Let this table, or `all`, lose more than a fifth of its rows.",
        ),
        click.option(
            "--allow-stale",
            "may_be_stale",
            multiple=True,
            metavar="TABLE",
            help="Let this table, or `all`, change though its sources were not collected in time.",
        ),
        click.option(
            "--allow-gap",
            "may_lack",
            multiple=True,
            metavar="TABLE",
            help="Let this table, or `all`, change though its sources lack more than it allows.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.option("--dry-run", is_flag=True, help="Print the plan and publish nothing.")
@click.option("--reason", default="", help="Why; written into `_releases`.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@consent
@click.pass_obj
def release(
    settings: Settings,
    /,
    dry_run: bool,
    reason: str,
    as_json: bool,
    **consents: Any,
) -> None:
    """Publish what is built, in every store at once.

    Every table is read back before readers see it. When one is not fit, nothing is published and the
    old release is still served.

    \b
    Examples:
      oso release
      oso release --dry-run --json
      oso release --allow-shrink projects_v1 --reason 'duplicates are gone'
    """
    from oso_processors.cli.report import released_table, show
    from oso_processors.pipeline import load_promises, make_release, open_warehouse, plan_release
    from oso_processors.release import Request

    promises = load_promises(settings)  # what is mistyped is told before any work
    request = Request(reason, **consents)
    # What is refused is one line.
    with open_warehouse(settings, Progress(quiet=True)) as warehouse:
        if dry_run:
            _print(plan_release(settings, warehouse, promises, request), as_json)
            return
        done = make_release(settings, warehouse, promises, Progress(quiet=as_json), request)
    if as_json:
        click.echo(_json(done.plan))
        return
    show(released_table(done))
    click.echo("Nothing new." if done.plan.is_nothing else f"Released {done.release.id}.")


def _print(decided: Plan, as_json: bool) -> None:
    if as_json:
        click.echo(_json(decided))
        return
    for step in decided.steps:
        click.echo(str(step))
    click.echo("nothing to do" if decided.is_nothing else f"would be r{decided.number}")


def _json(decided: Plan) -> bytes:
    body = {
        "release": f"r{decided.number}",
        "is_nothing": decided.is_nothing,
        "behind": decided.behind,
        "steps": [asdict(each) for each in decided.steps],
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2)
