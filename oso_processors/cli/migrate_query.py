"""`oso migrate-query`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from oso_processors.settings import Settings


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--dialect",
    type=click.Choice(["bigquery", "postgres"]),
    default="bigquery",
    show_default=True,
    help="The language of the query.",
)
@click.option("--write", is_flag=True, help="Write the file instead of printing the query.")
@click.pass_context
def migrate_query(ctx: click.Context, file: str, dialect: str, write: bool) -> None:
    """Rewrite a query for the new versions of tables.

    Deprecated tables and their columns get the names that their replacements have; the rest of the
    text stays as it is, and so do the names of the columns that come out. FILE is - for standard input.

    A line on standard error tells what to know, and what is left for you to do; then the exit code is 1,
    and --write writes nothing.

    \b
    Examples:
      oso migrate-query report.sql
      oso migrate-query report.sql --dialect postgres --write
    """
    from oso_processors.declarations import load_processors
    from oso_processors.errors import QueryLeft
    from oso_processors.release.migration import rewrite

    if write and file == "-":
        raise click.UsageError("--write needs a file")
    settings: Settings = ctx.obj
    processors = load_processors(settings.project / "processors")
    done = rewrite(_text(file), dialect, file, processors)  # type: ignore[arg-type]
    if not write:
        click.echo(done.text, nl=not done.text.endswith("\n"))
    for line in done.warnings:
        click.echo(f"{file}: {line}", err=True)
    for line in done.left:
        click.echo(f"{file}: to do: {line}", err=True)
    if write and done.left:
        raise QueryLeft(file, len(done.left))
    if write:
        Path(file).write_text(done.text, "utf-8")
    ctx.exit(1 if done.left else 0)


def _text(file: str) -> str:
    from oso_processors.errors import QueryUnreadable

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except UnicodeDecodeError:
        raise QueryUnreadable(file, "is no text in UTF-8") from None
