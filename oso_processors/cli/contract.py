"""`oso contract`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oso_processors.progress import Progress
from oso_processors.settings import Settings

if TYPE_CHECKING:
    from oso_processors.declarations import Processor
    from oso_processors.models import Models
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
        from oso_processors.declarations import load_processors
        from oso_processors.errors import PromiseBroken
        from oso_processors.models import Models
        from oso_processors.release.contract import FOLDER

        processors = {each.name: each for each in load_processors(settings.project / "processors")}
        stable = [each for each in processors.values() if each.tier == "stable"]
        _require_known(reworded, stable)
        writer = _Writer(settings.project / FOLDER, Models(settings), processors, reworded)
    broken = [line for each in stable for line in writer.broken(each)]
    if broken:
        for line in broken:
            click.echo(line, err=True)
        raise PromiseBroken(len(broken))
    written = [path for each in stable for path in writer.write(each)]
    for path in written:
        click.echo(f"wrote {path.relative_to(settings.project)}")
    if not written:
        click.echo("nothing to write")


@dataclass(frozen=True, slots=True)
class _Writer:
    """Contracts in `folder`; `reworded` are the columns whose new words are taken."""

    folder: Path
    models: Models
    processors: Mapping[str, Processor]
    reworded: tuple[str, ...]

    def broken(self, processor: Processor) -> Iterator[str]:
        """Yield what would break a promise; of a view `oso check` tells that."""
        from oso_processors.check.contracts import advice, made
        from oso_processors.release.contract import compare, is_view, load

        path = self._path(processor)
        if is_view(processor, self.processors) or not path.exists():
            return
        for each in compare(load(path), made(self.models, processor)):
            is_taken = each.kind == "meaning" and each.column in self._columns(processor)
            if each.is_breaking and not is_taken:
                place = f"{self.folder.name}/{path.name}"
                yield f"{place}: {each}; {advice(processor, each)}"

    def write(self, processor: Processor) -> Iterator[Path]:
        """Write the contract when its file is another; yield the file then."""
        from oso_processors.release.contract import text

        path, now = self._path(processor), self._now(processor)
        if now and (not path.exists() or path.read_text("utf-8") != text(now)):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text(now), "utf-8")
            yield path

    def _now(self, processor: Processor) -> Contract | None:
        """Return what is promised; of a view what was, in the new words; None when nothing tells that."""
        from oso_processors.check.contracts import made
        from oso_processors.release.contract import is_view, load, reworded

        told, path = processor.deprecation, self._path(processor)
        if not told or not is_view(processor, self.processors):
            return made(self.models, processor)
        if not path.exists():
            return None
        newer = made(self.models, self.processors[told.replacement])
        return reworded(load(path), newer, told.renames, self._columns(processor))

    def _columns(self, processor: Processor) -> frozenset[str]:
        named = (each.rpartition(".") for each in self.reworded)
        return frozenset(column for table, _, column in named if table == processor.name)

    def _path(self, processor: Processor) -> Path:
        return self.folder / f"{processor.name}.yaml"


def _require_known(reworded: Iterable[str], stable: Iterable[Processor]) -> None:
    """Raise `BadParameter` for what is no column of a stable table."""
    import difflib

    known = [f"{each.name}.{column}" for each in stable for column in each.columns]
    for each in reworded:
        if each not in known:
            close = difflib.get_close_matches(each, known, n=1)
            told = f"; did you mean {close[0]!r}?" if close else ""
            problem = f"{each!r} is no column of a stable table{told}"
            raise click.BadParameter(problem, param_hint="--reworded")
