"""`oso run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from oso_processors.cli.release import consent
from oso_processors.cli.report import built_table, collected_table, released_table, show
from oso_processors.object_store import ObjectStore
from oso_processors.progress import Progress
from oso_processors.settings import Settings
from oso_processors.sources import chosen


@click.command()
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take the sources from a folder laid out as the sample.",
)
@consent
@click.pass_obj
def run(settings: Settings, /, folder: Path | None, **consents: Any) -> None:
    """Collect, build, audit and release.

    Only what is new is collected and built; nothing new ends with nothing released. It can be killed
    at any moment and run again.

    \b
    Examples:
      oso run
      oso run --from .oso/sample
    """
    from oso_processors.pipeline import (
        collect_all,
        load_promises,
        make_release,
        open_warehouse,
        send_landed,
    )
    from oso_processors.release import Request

    progress, request = Progress(), Request(**consents)
    sources = chosen(settings, folder)
    promises = load_promises(settings)  # what is mistyped is told before any work
    landed = collect_all(settings, sources, progress)
    send_landed(settings, progress)
    with open_warehouse(settings, progress) as warehouse:
        built = warehouse.build(progress)
        done = make_release(settings, warehouse, promises, progress, request)
    show(collected_table(landed), built_table(built), released_table(done))
    click.echo(_news(done.plan.is_nothing, done.release.id))
    click.echo(_where(settings))


def _news(is_nothing: bool, release_id: str) -> str:
    if is_nothing:
        return f"Nothing new: {release_id} is still served."
    return f"Released {release_id}."


def _where(settings: Settings) -> str:
    is_here = not isinstance(settings.files, ObjectStore)
    place = _short(settings.releases) if is_here else f"{settings.files}"
    query = "SELECT project_name, commit_count FROM projects_summary_v1 ORDER BY 2 DESC LIMIT 5"
    files = f"FROM '{place}/*/projects_summary_v1/*.parquet'"
    # Reading from an object store takes an extension of DuckDB, and keys.
    duckdb = f'  DuckDB    .venv/bin/python -c "import duckdb; print(duckdb.sql(\\"{files}\\"))"'
    return "\n".join(
        [
            "",
            "Look at it:",
            f'  Postgres  .venv/bin/oso psql -c "{query}"',
            *([duckdb] if is_here else []),
            f"  Files     {place}/latest.json names the release that is served",
            "  State     .venv/bin/oso status",
        ]
    )


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
