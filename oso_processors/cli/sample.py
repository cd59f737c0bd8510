"""`oso sample`."""

from __future__ import annotations

from pathlib import Path

import click

from oso_processors.progress import Progress
from oso_processors.sample import SampleSize, make_sample
from oso_processors.settings import Settings

DEFAULT = SampleSize()


@click.command()
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), help="Where; default: OSO_HOME/sample."
)
@click.option(
    "--events",
    default=DEFAULT.events,
    show_default=True,
    type=click.IntRange(1),
    help="How many events.",
)
@click.option(
    "--days",
    default=DEFAULT.days,
    show_default=True,
    type=click.IntRange(1, 4000),
    help="Over how many days.",
)
@click.option(
    "--projects",
    default=DEFAULT.projects,
    show_default=True,
    type=click.IntRange(10),
    help="How many projects.",
)
@click.option("--seed", default=1, show_default=True, help="Another seed, another sample.")
@click.option(
    "--eras", "has_eras", is_flag=True, help="Add a day of each older form of GH Archive."
)
@click.pass_obj
def sample(
    settings: Settings,
    folder: Path | None,
    events: int,
    days: int,
    projects: int,
    seed: int,
    has_eras: bool,
) -> None:
    """Make a deterministic sample of every source.

    It has the shape and the dirt of the real ones and needs no network. The same options give the same
    bytes; a sample that is there already is left as it is.

    \b
    Examples:
      oso sample
      oso sample --to eras --eras
      oso sample --to big --events 10000000 --days 365 --projects 5000
    """
    target = folder or settings.sample
    target.parent.mkdir(parents=True, exist_ok=True)
    made = make_sample(target, SampleSize(events, days, projects), seed, Progress(), has_eras)
    verb = "made" if made.is_new else "is there already"
    click.echo(
        f"{made.folder}: {verb}: {made.events:,} events, {made.commits:,} commits,"
        f" {made.projects:,} projects"
    )
