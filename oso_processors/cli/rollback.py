"""`oso rollback`."""

from __future__ import annotations

import click

from oso_processors.cli.release_id import ReleaseId
from oso_processors.progress import Progress
from oso_processors.settings import Settings


@click.command()
@click.argument("release", type=ReleaseId(), required=False)
@click.option("--reason", default="", help="Why; written into `_releases`.")
@click.pass_obj
def rollback(settings: Settings, release: str | None, reason: str) -> None:
    """Serve the tables of RELEASE again in every store, or those of the release before.

    Nothing is built or copied. It is a release of its own, with a number and a reason. What it takes
    back is not released again as it was, but with --again. `oso releases` lists what is kept.

    \b
    Examples:
      oso rollback
      oso rollback r7 --reason 'stars were counted twice'
    """
    from oso_processors.pipeline import go_back

    done = go_back(settings, Progress(), release, reason)
    if done.release == done.before:
        click.echo(f"Nothing to do: {done.release.id}{_said(done.release.reason)} is served.")
        return
    click.echo(f"Released {done.release.id}{_said(done.release.reason)}.")


def _said(reason: str) -> str:
    return f" ({reason})" if reason else ""
