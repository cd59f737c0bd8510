"""Packages of the sample: what a registry tells of them, their downloads, and bills of materials, as Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from oso_processors.sample.world import END, World

Row = dict[str, str | None]
PACKAGES = pa.schema(
    [
        (name, pa.string())
        for name in (
            "registry",
            "name",
            "version",
            "license",
            "repository",
            "project",
            "requires_python",
            "latest_release_month",
        )
    ]
)
DEPENDENCIES = pa.schema(
    [
        (name, pa.string())
        for name in (
            "registry",
            "name",
            "version",
            "dependency",
            "spec",
            "kind",
            "marker",
            "from_project",
            "to_project",
        )
    ]
)
BILLS = pa.schema(
    [
        (name, pa.string())
        for name in ("repo_owner", "repo_name", "package_artifact_name", "package_artifact_source")
    ]
)
DOWNLOADS = pa.schema(
    [
        ("registry", pa.string()),
        ("name", pa.string()),
        ("day", pa.date32()),
        ("downloads", pa.int64()),
    ]
)
# npm keeps downloads for ever, PyPI does not.
DOWNLOAD_DAYS = {"NPM": 120, "PYPI": 60}
# Packages of others, which no project lists and no registry was asked for.
OTHERS = {"NPM": ("left-pad", "@types/node", "lodash"), "PYPI": ("six", "Requests", "attrs")}


def package_of(number: int) -> tuple[str, str] | None:
    """Return the registry and the name of the package that a project publishes, if it does."""
    if number % 3:
        return None
    return ("NPM", f"@team/tool-{number}") if number % 2 else ("PYPI", f"tool-{number}")


def write_packages(folder: Path, world: World, random: Random) -> int:
    """Write packages.parquet, dependencies.parquet and downloads.parquet; return how many versions there are."""
    found = [(number, package_of(number)) for number in range(world.size.projects)]
    owned = [(number, package) for number, package in found if package is not None]
    packages = [
        row
        for number, (registry, name) in owned
        for row in _versions(_package(number, registry, name, world))
    ]
    needs = [
        row
        for number, (registry, name) in owned
        for row in _needs(number, registry, name, owned, random)
    ]
    counted = [row for number, package in owned for row in _downloads(number, *package)]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(packages, PACKAGES), folder / "packages.parquet")
    pq.write_table(pa.Table.from_pylist(counted, DOWNLOADS), folder / "downloads.parquet")
    pq.write_table(pa.Table.from_pylist(needs, DEPENDENCIES), folder / "dependencies.parquet")
    return len(packages)


def write_bills(folder: Path, world: World) -> None:
    """Write the bills of materials of some repositories, one of which is in no directory."""
    names = [each.full_name(END) for each in world.repositories[:6]] + ["nobody/knows"]
    listed = [("RUST", "serde"), ("GO", "golang.org/x/sys"), ("PIP", "six"), ("NPM", "lodash")]
    listed.append(("NPM", "@team/tool-3"))
    rows = [
        {
            "repo_owner": name.partition("/")[0],
            "repo_name": name,
            "package_artifact_name": package,
            "package_artifact_source": source,
        }
        for name in names
        for source, package in listed
    ]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, BILLS), folder / "sample_sbom.parquet")


def _package(number: int, registry: str, name: str, world: World) -> Row:
    repository = world.repositories[number * 3]
    month = f"{END.year}-{END.month - number % 9:02d}"
    return {
        "registry": registry,
        "name": name,
        "version": f"1.{number}.0",
        "license": None if number % 4 else "MIT",
        "repository": f"https://github.com/{repository.full_name(END)}",
        # npm's times are not known.
        "latest_release_month": month if registry == "PYPI" else None,
    }


def _versions(newest: Row) -> Iterator[Row]:
    """Yield a version and, where months are known, one of the month before."""
    yield newest
    if month := newest["latest_release_month"]:
        year, number = month.split("-")
        before = {
            "version": f"0.{newest['version']}",
            "latest_release_month": f"{year}-{int(number) - 1:02d}",
        }
        yield {**newest, **before}


def _downloads(number: int, registry: str, name: str) -> Iterator[dict[str, str | date | int]]:
    """Yield the days of a package: weekends are quieter, some days are missing, one is no count."""
    for ago in range(DOWNLOAD_DAYS[registry]):
        day = (END - timedelta(days=ago + 1)).date()
        if (number + ago) % 41 == 0:
            continue
        is_weekend = day.weekday() > 4
        count = (
            -1 if (number, ago) == (3, 50) else number * (100 - ago % 13) // (1 + 3 * is_weekend)
        )
        yield {"registry": registry, "name": name, "day": day, "downloads": count}
        if ago == 7:
            # One day stands twice.
            yield {"registry": registry, "name": name, "day": day, "downloads": count}


def _needs(
    number: int,
    registry: str,
    name: str,
    owned: list[tuple[int, tuple[str, str]]],
    random: Random,
) -> Iterator[Row]:
    """Yield what a package needs: others' packages, and those of earlier projects."""
    own = {"registry": registry, "name": name, "version": f"1.{number}.0"}
    earlier = [each[1] for before, each in owned if before < number and each[0] == registry]
    for needed in [*OTHERS[registry][:2], *random.sample(earlier, min(2, len(earlier)))]:
        yield {**own, "dependency": needed, "spec": ">=1", "kind": "runtime"}
    if registry == "PYPI":
        last = OTHERS[registry][2]
        yield {**own, "dependency": last, "kind": "extra", "marker": 'extra == "dev"'}
        # The version before did without one package, and needed another.
        before = {**own, "version": f"0.1.{number}.0", "kind": "runtime"}
        yield {**before, "dependency": OTHERS[registry][0], "spec": ">=1"}
        yield {**before, "dependency": "nose"}
    else:
        yield {**own, "dependency": OTHERS[registry][2], "spec": "^4", "kind": "dev"}
