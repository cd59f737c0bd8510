"""`oso diff`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import duckdb
import orjson
from rich.table import Table

from oso_processors.cli.release_id import ReleaseId
from oso_processors.release.changes import Change, Counts, Side, counted, differences, differing
from oso_processors.settings import Settings

HEADS = ("table", "change", "rows added", "removed", "changed", "columns")


@click.command()
@click.argument("old", type=ReleaseId())
@click.argument("new", type=ReleaseId())
@click.argument("table", required=False)
@click.option("--rows", default=5, show_default=True, help="How many rows of TABLE to show.")
@click.option(
    "--parquet",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write all rows that differ into this folder, a file for each table.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def diff(
    settings: Settings,
    old: str,
    new: str,
    table: str | None,
    rows: int,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Show what changed between the releases OLD and NEW, of all tables or of TABLE.

    Rows are compared by their grain. Releases that are kept can be compared; `oso releases` lists them.

    \b
    Examples:
      oso diff r6 r7
      oso diff r6 r7 projects_v1 --rows 20
      oso diff r6 r7 --parquet changes
    """
    from oso_processors.pipeline import in_memory, sides

    before, after = sides(settings, old, new, table)
    with in_memory(settings) as connection:
        found = [
            (change, counted(connection, before.get(change.table), after.get(change.table)))
            for change in differences(_shapes(before), _shapes(after))
        ]
        if folder is not None:
            _write(connection, folder, before, after)
        if as_json:
            click.echo(orjson.dumps([{**asdict(c), "counts": asdict(n)} for c, n in found]))
            return
        _print(found)
        if table is not None and found and table in before and table in after:
            _show(connection, differing(before[table], after[table]), rows)


def _shapes(sides: dict[str, Side]) -> dict[str, Any]:
    return {name: published for name, (published, _) in sides.items()}


def _print(found: list[tuple[Change, Counts]]) -> None:
    from oso_processors.cli.report import show

    if not found:
        click.echo("Nothing differs.")
        return
    table = Table(*HEADS)
    for column in table.columns[2:5]:
        column.justify = "right"
    for change, counts in found:
        numbers = (f"{each:,}" for each in (counts.added, counts.removed, counts.changed))
        table.add_row(change.table, change.kind, *numbers, _columns(change))
    show(table)


def _columns(change: Change) -> str:
    marked = (("+", change.columns_added), ("-", change.columns_removed))
    parts = [f"{mark}{name}" for mark, names in marked for name in names]
    return " ".join([*parts, *(f"{name} retyped" for name in change.columns_retyped)])


def _show(connection: duckdb.DuckDBPyConnection, query: str, limit: int) -> None:
    relation = connection.sql(f"FROM ({query}) ORDER BY ALL LIMIT {limit}")
    click.echo(relation.to_df().to_string(index=False))


def _write(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    before: dict[str, Side],
    after: dict[str, Side],
) -> None:
    from oso_processors.sql import literal

    folder.mkdir(parents=True, exist_ok=True)
    for change in differences(_shapes(before), _shapes(after)):
        if change.table in before and change.table in after:
            query = differing(before[change.table], after[change.table])
            target = literal(folder / f"{change.table}.parquet")
            connection.execute(f"COPY ({query} ORDER BY ALL) TO {target} (FORMAT parquet)")
