"""`oso contract`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oso_processors.progress import Progress
from oso_processors.settings import Settings

if TYPE_CHECKING:
    from oso_processors.declarations import Processor
    from oso_processors.release.contract import Contract


@click.command()
@click.option(
    "--reworded",
    multiple=True,
    metavar="TABLE.COLUMN",
    help="Take the new words of a column: they mean what the old ones meant.",
)
@click.pass_obj
def contract(settings: Settings, reworded: tuple[str, ...]) -> None:
    """Write what readers are promised of every stable table, to contracts/.

    The files are reviewed like code. What only adds to a promise is written; what would break one is
    refused, and takes a new version of the table.

    \b
    Examples:
      oso contract
      oso contract --reworded projects_v1.display_name
    """
    progress = Progress()
    with progress.step("loading the project"):
        from oso_processors.check.contracts import made
        from oso_processors.declarations import load_processors
        from oso_processors.errors import PromiseBroken
        from oso_processors.models import Models
        from oso_processors.release.contract import FOLDER, is_view, text

        models = Models(settings)
    processors = {each.name: each for each in load_processors(settings.project / "processors")}
    folder = settings.project / FOLDER
    broken, written = [], []
    for each in processors.values():
        if each.tier != "stable" or is_view(each, processors):
            continue
        path = folder / f"{each.name}.yaml"
        now = made(models, each)
        broken += _broken(each, now, settings, reworded)
        if not path.exists() or path.read_text("utf-8") != text(now):
            written.append((path, text(now)))
    if broken:
        for line in broken:
            click.echo(line, err=True)
        raise PromiseBroken(len(broken))
    for path, body in written:
        path.parent.mkdir(exist_ok=True)
        path.write_text(body, "utf-8")
        click.echo(f"wrote {path.relative_to(settings.project)}")
    if not written:
        click.echo("nothing to write")


def _broken(
    processor: Processor, now: Contract, settings: Settings, reworded: tuple[str, ...]
) -> list[str]:
    from oso_processors.check.contracts import advice
    from oso_processors.release.contract import FOLDER, compare, load

    path = settings.project / FOLDER / f"{processor.name}.yaml"
    if not path.exists():
        return []
    return [
        f"{FOLDER}/{path.name}: {each}; {advice(processor, each)}"
        for each in compare(load(path), now)
        if each.is_breaking
        and not (each.kind == "meaning" and f"{processor.name}.{each.column}" in reworded)
    ]
