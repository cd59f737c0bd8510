"""A deterministic sample of every source, in their own formats, of any size and with their dirt.

The same size and seed give the same bytes, whatever the day: events end on a fixed date.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import orjson

from oso_processors.progress import Progress
from oso_processors.sample.directory import project_names, write_directory
from oso_processors.sample.eras import write_eras
from oso_processors.sample.events import write_events
from oso_processors.sample.funding import write_funding
from oso_processors.sample.git import make_histories, write_git
from oso_processors.sample.onchain import write_calls
from oso_processors.sample.open_collective import write_collectives
from oso_processors.sample.packages import write_bills, write_packages
from oso_processors.sample.taxonomy import write_taxonomy
from oso_processors.sample.world import SampleSize, make_world

# Goes up when the same size and seed give another sample.
VERSION = 4


@dataclass(frozen=True, slots=True)
class SampleMade:
    """What a sample holds; `is_new` is False when it was there already."""

    folder: Path
    events: int
    commits: int
    projects: int
    is_new: bool


def make_sample(
    folder: Path, size: SampleSize, seed: int, progress: Progress, has_eras: bool = False
) -> SampleMade:
    """Write a sample to ``folder``, laid out for ``oso run --from``.

    With ``has_eras``, a day of each older form of GH Archive lies beside the days of today's.
    One of the same size and seed that is there already is left as it is. Made aside and moved, so that
    a kill leaves no half of one.
    """
    recipe: dict[str, object] = {"version": VERSION, "seed": seed, **asdict(size)}
    if has_eras:
        recipe["has_eras"] = True
    mark = folder / "sample.json"
    if mark.exists():
        found = orjson.loads(mark.read_bytes())
        if found["recipe"] == recipe:
            return SampleMade(folder, found["events"], found["commits"], found["projects"], False)
    making = folder.with_name(folder.name + ".making")
    shutil.rmtree(making, ignore_errors=True)
    random = Random(seed)  # noqa: S311 (a sample is no secret)
    world = make_world(size, random)
    histories = make_histories(world, random)
    with progress.step("making the sample", size.days * 24) as step:
        projects = write_directory(making / "oss-directory", world, random)
        # Drawn apart, so that one source more changes no other.
        apart = Random(seed + 1)  # noqa: S311
        write_funding(making / "oss-funding", project_names(world), apart)
        write_collectives(making / "open-collective", world)
        write_packages(making / "registry", world, apart)
        write_taxonomy(making / "open-dev-data", world)
        write_calls(making / "onchain", making / "oss-directory")
        write_bills(making / "dependency-graph", world)
        commits = write_git(making / "git", world, histories, random)
        events = write_events(making / "gharchive", world, histories, random, step)
        if has_eras:
            events += write_eras(making / "gharchive", world, apart)
    counts = {"recipe": recipe, "events": events, "commits": commits, "projects": projects}
    (making / "sample.json").write_bytes(orjson.dumps(counts))
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    return SampleMade(folder, events, commits, projects, True)


__all__ = ["SampleMade", "SampleSize", "make_sample"]
