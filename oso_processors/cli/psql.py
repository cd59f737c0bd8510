"""`oso psql`."""

from __future__ import annotations

import subprocess

import click

from oso_processors.settings import Settings


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    add_help_option=True,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PSQL ARGUMENT]...")
@click.pass_context
def psql(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Open the serving database in psql.

    The embedded server is started for as long as psql runs. Arguments are psql's own.

    \b
    Examples:
      oso psql
      oso psql -c 'SELECT * FROM _releases'
    """
    from contextlib import nullcontext

    from oso_processors.stores.local_postgres import binaries, serving

    settings: Settings = ctx.obj
    server = (
        nullcontext(settings.postgres_dsn) if settings.postgres_dsn else serving(settings.postgres)
    )
    with server as dsn:
        done = subprocess.run([str(binaries() / "psql"), str(dsn), *arguments], check=False)
    ctx.exit(done.returncode)
