"""The command line: parse, call, print."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from oso_processors import __version__
from oso_processors.errors import NotPermitted, OsoError
from oso_processors.garbage import collect_seldom
from oso_processors.settings import Settings

COMMANDS = {
    "check": "Check models before a pull request.",
    "collect": "Land what is new in the sources.",
    "contract": "Write what readers are promised of stable tables.",
    "diff": "Show what changed between two releases.",
    "forget": "Take a person out of what was collected, made and kept.",
    "migrate-query": "Rewrite a query for the new versions of tables.",
    "psql": "Open the serving database in psql.",
    "release": "Publish what is built, in every store at once.",
    "releases": "List the releases, and where each is served and kept.",
    "rollback": "Serve the tables of an earlier release again.",
    "run": "Collect, build, audit and release.",
    "sample": "Make a deterministic sample of every source.",
    "status": "Show what is where, how old it is, and what failed.",
    "verify": "Compare what is served with what was published.",
}


class Group(click.Group):
    """A group that loads a command when it is asked for, and shows our errors as one line.

    Most commands need SQLMesh, whose import takes seconds; `oso --help` does not wait for it.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; there is one for each."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = __import__(f"oso_processors.cli.{name}", fromlist=[name])
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; exit with the error's own code."""
        try:
            with _refusals_told():
                return super().invoke(ctx)
        except OsoError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


@contextmanager
def _refusals_told() -> Iterator[None]:
    """Say in one line that a place is closed or the disk is full, wherever in the work that shows."""
    try:
        yield
    except PermissionError as error:
        raise NotPermitted(str(error.filename)) from error
    except _refusals() as error:
        from oso_processors.collectors.landing import raise_if_full

        raise_if_full(error, "this command")
        raise


def _refusals() -> tuple[type[Exception], ...]:
    import duckdb

    return (OSError, duckdb.Error)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="oso")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Collect, build, audit and publish the impact of open source software.

    Run it in the clone's root. Settings are environment variables: OSO_HOME, where data is kept
    (default .oso); OSO_POSTGRES_DSN, a Postgres server to publish to (default: an embedded one).

    \b
    Examples:
      oso run --from .oso/sample
      oso status
      oso psql -c 'SELECT * FROM projects_summary_v1 LIMIT 5'
    """
    os.environ.setdefault("SQLMESH__DISABLE_ANONYMIZED_ANALYTICS", "1")
    # What it says of a connection that was lost, the error's own line says.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    collect_seldom()
    ctx.obj = Settings.from_environ()
