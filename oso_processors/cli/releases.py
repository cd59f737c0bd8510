"""`oso releases`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import orjson
from rich.table import Table

from oso_processors.settings import Settings
from oso_processors.stores import Store


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def releases(settings: Settings, as_json: bool) -> None:
    """List the releases, the newest first, and where each is served and kept.

    One that is kept can be compared by `oso diff` and served again by `oso rollback`.

    \b
    Examples:
      oso releases
      oso releases --json
    """
    from oso_processors.pipeline import open_stores

    with open_stores(settings, is_reading=True) as stores:
        found = _found(stores)
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    elif found:
        _show(found)
    else:
        click.echo("Nothing is released yet.")


def _found(stores: Sequence[Store]) -> list[dict[str, Any]]:
    from oso_processors.release.plan import newest_of

    kept = {store.name: store.kept() for store in stores}
    newest = newest_of(releases[0] for releases in kept.values() if releases)
    return [
        {
            "release": f"r{each.number}",
            "released_at": each.released_at,
            "table_count": each.table_count,
            "served_in": [n for n, r in kept.items() if r and r[0].number == each.number],
            "kept_in": [n for n, r in kept.items() if each.number in [k.number for k in r]],
            "reason": each.reason,
        }
        for each in (newest.remembered() if newest else ())
    ]


def _show(found: list[dict[str, Any]]) -> None:
    from oso_processors.cli.report import show

    table = Table("release", "released at", "tables", "served in", "kept in", "reason")
    table.columns[2].justify = "right"
    for each in found:
        places = (", ".join(each[place]) for place in ("served_in", "kept_in"))
        table.add_row(
            each["release"],
            each["released_at"][:16].replace("T", " "),
            f"{each['table_count']}",
            *places,
            each["reason"],
        )
    show(table)
