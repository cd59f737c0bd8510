"""`oso collect`."""

from __future__ import annotations

from pathlib import Path

import click

from oso_processors.cli.report import collected_table, show
from oso_processors.progress import Progress
from oso_processors.settings import Settings
from oso_processors.sources import chosen


@click.command()
@click.argument("names", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take the sources from a folder laid out as the sample.",
)
@click.pass_obj
def collect(settings: Settings, names: tuple[str, ...], folder: Path | None) -> None:
    """Land what is new in the sources.

    Without SOURCE, all that sources.yaml declares. A run that is killed loses nothing and doubles
    nothing; the next one goes on from there.

    \b
    Examples:
      oso collect
      oso collect gharchive
      oso collect --from .oso/sample
    """
    from oso_processors.pipeline import collect_all

    sources = chosen(settings, folder)
    known = [each.name for each in sources]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name!r} is no source; known are {', '.join(known)}")
    wanted = [each for each in sources if not names or each.name in names]
    show(collected_table(collect_all(settings, wanted, Progress())))
