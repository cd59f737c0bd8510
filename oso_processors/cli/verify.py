"""`oso verify`."""

from __future__ import annotations

from typing import Any

import click
import orjson

from oso_processors.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Compare what every store serves with what was published, and exit 1 where it drifted.

    Rows, columns, types, indexes, descriptions, grants and files are read; nothing is changed, and a
    release that is being made is not in the way.

    \b
    Examples:
      oso verify
      oso verify --json
    """
    from oso_processors.pipeline import open_stores
    from oso_processors.release.verify import drifted

    settings: Settings = ctx.obj
    with open_stores(settings, is_reading=True) as stores:
        release, lines = drifted(stores)
    served = release.id if release else None
    if as_json:
        click.echo(_json(served, lines))
    else:
        for line in lines:
            click.echo(line)
        click.echo(_verdict(served, len(lines)))
    ctx.exit(1 if lines else 0)


def _json(release_id: str | None, lines: list[str]) -> bytes:
    body: dict[str, Any] = {
        "release": release_id,
        "drift": [
            dict(zip(("store", "table", "what"), _parts(line), strict=True)) for line in lines
        ],
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2)


def _parts(line: str) -> list[str]:
    store, table, what = line.split(": ", 2)
    return [store, table, what]


def _verdict(release_id: str | None, count: int) -> str:
    if release_id is None:
        return "Nothing is released yet."
    if count:
        return f"{count} {'thing is' if count == 1 else 'things are'} not as in {release_id}."
    return f"Every store serves {release_id} as it was published."
