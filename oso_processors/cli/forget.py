"""`oso forget`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from oso_processors.progress import Progress
from oso_processors.settings import Settings

if TYPE_CHECKING:
    from oso_processors.forgetting.finding import Facts


@click.command()
@click.option(
    "--actor",
    "written",
    required=True,
    multiple=True,
    metavar="ACTOR",
    help="github:LOGIN, github:ID or email:ADDRESS; several are one person's.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be rewritten, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print what was found, or the receipt, as JSON."
)
@click.pass_obj
def forget(
    settings: Settings, written: tuple[str, ...], dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Take a person out of what was collected, of all that is made from it, and of kept releases.

    Pseudonyms stand in the person's place, so that counts stay what they were. What comes later gets the
    same pseudonyms. The receipt names nobody. When it was killed, run it again.

    \b
    Examples:
      oso forget --actor github:octocat --dry-run
      oso forget --actor github:583231 --actor email:octocat@example.org --yes
    """
    from oso_processors.forgetting import actors as who
    from oso_processors.forgetting import forget as forget_person
    from oso_processors.forgetting import look

    actors = [who.parse(each) for each in written]
    progress = Progress(quiet=as_json)
    if dry_run:
        _tell(look(settings, actors, progress), as_json)
        return

    def agree(facts: Facts) -> bool:
        if yes:
            return True
        _tell(facts, as_json=False)
        return click.confirm("This cannot be undone. Go on?", err=True)

    receipts = forget_person(settings, actors, progress, agree)
    if not receipts:
        click.echo("Nothing was done.", err=True)
    _show(receipts, as_json)


def _show(receipts: Sequence[Path], as_json: bool) -> None:
    for each in receipts:
        body = orjson.loads(each.read_bytes())
        if as_json:
            click.echo(orjson.dumps(body, option=orjson.OPT_INDENT_2))
            continue
        rows = sum(one["rows"] for one in body["raw"])
        models, removed = len(body["models"]), len(body["done"].get("releases_removed", ()))
        click.echo(
            f"Forgotten: {rows:,} raw rows, {models} models' tables, {removed} kept releases removed;"
            f" the receipt is {each}"
        )


def _tell(facts: Facts, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(facts.body(), option=orjson.OPT_INDENT_2))
        return
    for raw in facts.raw:
        if raw.rows:
            columns = ", ".join(f"{name} {count:,}" for name, count in raw.columns.items())
            click.echo(f"raw.{raw.table}: {raw.rows:,} rows: {columns}")
    for held in facts.models:
        click.echo(f"{held.model}: {held.rows:,} rows: {', '.join(held.columns)}")
    for name, tables in facts.releases.items():
        click.echo(f"release {name} is removed: {', '.join(tables)}")
    if not facts.releases:
        click.echo(f"releases stay: none of {len(facts.kept)} that are kept shows the person")
