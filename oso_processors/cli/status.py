"""`oso status`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import duckdb
from rich.table import Table

from oso_processors.cli.report import show
from oso_processors.declarations import load_processors
from oso_processors.settings import Settings
from oso_processors.stores import Manifest

SOURCES = """
SELECT loads.source, loads.stream, SUM(loads.rows), MAX(loads.committed_at), ANY_VALUE(origins.origin)
FROM raw._loads AS loads LEFT JOIN raw._origins AS origins USING (source)
GROUP BY ALL ORDER BY ALL
"""
ASIDE = """
SELECT 'refused' AS what, source, reason, COUNT(*) FROM raw.rejects GROUP BY ALL
UNION ALL
SELECT 'missing', source, reason, COUNT(*) FROM raw.gaps GROUP BY ALL ORDER BY ALL
"""


@click.command()
@click.pass_obj
def status(settings: Settings) -> None:
    """Show what is where, how old it is, and what failed.

    \b
    Example:
      oso status
    """
    from oso_processors.pipeline import open_stores, raw_connection

    if not settings.warehouse.exists():
        click.echo(
            f"{settings.home}: nothing was collected yet; start with `oso run --from FOLDER`"
        )
        return
    with raw_connection(settings, read_only=True) as connection:
        show(_sources(connection), _aside(connection))
        _last_build(connection)
    hours = min(
        each.freshness.total_seconds() / 3600
        for each in load_processors(settings.project / "processors")
    )
    with open_stores(settings) as stores:
        show(_stores([(each.name, each.served()) for each in stores], hours))


def _sources(connection: duckdb.DuckDBPyConnection) -> Table:
    table = Table(
        "source",
        "stream",
        "rows landed",
        "last landed",
        "from",
        title="Sources",
        title_justify="left",
    )
    table.columns[2].justify = "right"
    for source, stream, rows, at, origin in _rows(connection, SOURCES):
        table.add_row(source, stream, f"{rows:,}", f"{at:%Y-%m-%d %H:%M} UTC", origin or "")
    return table


def _aside(connection: duckdb.DuckDBPyConnection) -> Table:
    table = Table("what", "source", "reason", "count", title="Set aside", title_justify="left")
    table.columns[3].justify = "right"
    for what, source, reason, count in _rows(connection, ASIDE):
        table.add_row(what, source, reason, f"{count:,}")
    return table


def _last_build(connection: duckdb.DuckDBPyConnection) -> None:
    builds = _rows(
        connection,
        "SELECT built_at, model_count, audit_count, failures FROM raw._builds"
        " ORDER BY built_at DESC LIMIT 1",
    )
    if not builds:
        click.echo("Nothing was built yet.")
        return
    at, models, audits, failures = builds[0]
    click.echo(f"Last build {at:%Y-%m-%d %H:%M} UTC: {models} models, {audits} audits passed.")
    for line in failures:
        click.echo(f"  failed: {line}")


def _stores(served: list[tuple[str, Manifest | None]], hours: float) -> Table:
    table = Table("store", "release", "age", "state", title="Stores", title_justify="left")
    newest = max((each.number for _, each in served if each), default=0)
    for name, each in served:
        if each is None:
            table.add_row(name, "-", "-", "nothing published")
            continue
        age = (datetime.now(UTC) - datetime.fromisoformat(each.released_at)).total_seconds() / 3600
        state = "behind; run again" if each.number < newest else "stale" if age > hours else "fresh"
        table.add_row(name, each.id, f"{age:.1f} h", state)
    return table


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    try:
        return connection.execute(query).fetchall()
    except duckdb.CatalogException:
        # A warehouse that nothing was collected into has none of these tables.
        return []
