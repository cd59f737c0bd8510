"""`oso status`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
import duckdb
import orjson
from rich.table import Table

from oso_processors.declarations import load_processors
from oso_processors.errors import OtherCatalog, WarehouseLocked
from oso_processors.settings import Settings
from oso_processors.stores import Manifest, Store

SOURCES = """
SELECT loads.source, loads.stream, SUM(loads.rows)::BIGINT AS rows,
  MAX(loads.committed_at) AS landed_at, ANY_VALUE(origins.origin) AS origin
FROM raw._loads AS loads LEFT JOIN raw._origins AS origins USING (source)
GROUP BY ALL ORDER BY ALL
"""
REFUSED = """
SELECT 'refused' AS what, source, reason, COUNT(*) AS count FROM raw.rejects GROUP BY ALL ORDER BY ALL
"""
BUILDS = """
SELECT built_at, model_count, audit_count, failures FROM raw._builds ORDER BY rowid DESC LIMIT 1
"""

Facts = dict[str, Any]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """Show what is where, how old it is, what failed, and who makes a release now.

    A run or a release that is at work is not in the way, nor kept from it. What came later is not missing,
    and the embedded Postgres is not started to be asked.

    \b
    Examples:
      oso status
      oso status --json
    """
    is_empty = not settings.warehouse.exists()
    facts: Facts = {"warehouse": None, "stores": [], "released_by": None, "left_over": {}}
    if not is_empty:
        facts = {"warehouse": _of_warehouse(settings), **_of_stores(settings)}
    if as_json:
        click.echo(orjson.dumps(facts, option=orjson.OPT_INDENT_2))
    elif is_empty:
        click.echo(
            f"{settings.home}: nothing was collected yet; start with `oso run --from FOLDER`"
        )
    else:
        _show(facts)


def _of_warehouse(settings: Settings) -> Facts:
    """Return what was collected and built, or why that cannot be read: another process may write it."""
    from oso_processors.pipeline import reading_connection

    try:
        with reading_connection(settings) as connection:
            builds = _rows(connection, BUILDS)
            return {
                "sources": _rows(connection, SOURCES),
                "set_aside": _rows(connection, REFUSED) + _missing(connection),
                "last_build": builds[0] if builds else None,
            }
    except (OtherCatalog, WarehouseLocked) as error:
        return {"problem": str(error)}


def _missing(connection: duckdb.DuckDBPyConnection) -> list[Facts]:
    from oso_processors.release.gaps import counted_query

    query = counted_query(connection)
    return [{"what": "missing", **each} for each in _rows(connection, query)] if query else []


def _of_stores(settings: Settings) -> Facts:
    from oso_processors.pipeline import open_stores
    from oso_processors.release.plan import newest_of

    processors = load_processors(settings.project / "processors")
    hours = min(each.freshness.total_seconds() / 3600 for each in processors)
    with open_stores(settings, is_reading=True, starts_server=False) as stores:
        served = {store.name: store.served() for store in stores}
        newest = newest_of(served.values())
        holders = [each.holder() for each in stores]
        told = [_of_store(name, each, newest, hours) for name, each in served.items()]
        if "postgres" not in served:
            told.append(_unasked("postgres", "not running"))
        return {
            "stores": told,
            "released_by": next(filter(None, holders), None),
            "left_over": _left_over(stores),
        }


def _of_store(name: str, served: Manifest | None, newest: Manifest | None, hours: float) -> Facts:
    if served is None:
        state = "nothing published" if newest is None else "behind"
        return _unasked(name, state)
    age = (datetime.now(UTC) - datetime.fromisoformat(served.rows_made_at)).total_seconds() / 3600
    state = "behind" if served != newest else "stale" if age > hours else "fresh"
    return {
        "store": name,
        "release": served.id,
        "released_at": served.released_at,
        "reason": served.reason,
        "age_hours": round(age, 1),
        "fresh_hours": hours,
        "state": state,
    }


def _unasked(name: str, state: str) -> Facts:
    return {"store": name, "release": None, "age_hours": None, "state": state}


def _left_over(stores: Sequence[Store]) -> dict[str, list[str]]:
    return {store.name: found for store in stores if (found := store.left_over())}


def _show(facts: Facts) -> None:
    from oso_processors.cli.report import show

    warehouse = facts["warehouse"]
    if "problem" in warehouse:
        click.echo(warehouse["problem"])
    else:
        show(_sources(warehouse["sources"]), _aside(warehouse["set_aside"]))
        _last_build(warehouse["last_build"])
    show(_stores(facts["stores"]))
    if facts["released_by"]:
        click.echo(f"A release is being made by {facts['released_by']}.")
    for store, found in facts["left_over"].items():
        # Of a release that is being made, this is its work.
        click.echo(f"{store}: {len(found)} that no release needs: {', '.join(found[:3])}")


def _sources(sources: list[Facts]) -> Table:
    heads = ("source", "stream", "rows landed", "last landed", "from")
    table = Table(*heads, title="Sources", title_justify="left")
    table.columns[2].justify = "right"
    for each in sources:
        landed = f"{each['landed_at']:%Y-%m-%d %H:%M} UTC"
        origin = each["origin"] or ""
        table.add_row(each["source"], each["stream"], f"{each['rows']:,}", landed, origin)
    return table


def _aside(aside: list[Facts]) -> Table:
    table = Table("what", "source", "reason", "count", title="Set aside", title_justify="left")
    table.columns[3].justify = "right"
    for each in aside:
        table.add_row(each["what"], each["source"], each["reason"], f"{each['count']:,}")
    return table


def _last_build(build: Facts | None) -> None:
    if build is None:
        click.echo("Nothing was built yet.")
        return
    click.echo(
        f"Last build {build['built_at']:%Y-%m-%d %H:%M} UTC: {build['model_count']} models,"
        f" {build['audit_count']} audits passed."
    )
    for line in build["failures"]:
        click.echo(f"  failed: {line}")


def _stores(stores: list[Facts]) -> Table:
    table = Table("store", "release", "age", "state", title="Stores", title_justify="left")
    for each in stores:
        state = "behind; run again" if each["state"] == "behind" else each["state"]
        if each["release"] is None:
            table.add_row(each["store"], "-", "-", state)
        else:
            age = f"{each['age_hours']} h of {each['fresh_hours']:g} h"
            table.add_row(each["store"], each["release"], age, state)
    return table


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Facts]:
    try:
        found = connection.execute(query)
    except duckdb.CatalogException:
        # A warehouse that nothing was collected into has none of these tables.
        return []
    names = [each[0] for each in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
