"""A taxonomy of the sample, as migrations, with commands that cannot be carried out."""

from __future__ import annotations

from pathlib import Path

from oso_processors.sample.world import END, World

FIRST = """\
# The first ecosystems.
ecoadd Alpha
ecoadd "Beta Chain"
ecoadd Gamma
ecocon Alpha "Beta Chain"
ecocon "Beta Chain" Gamma
ecocon Alpha Gamma
"""
LATER = """\
ecomov Gamma "Gamma Stack"
ecocon Alpha Nowhere
repadd Alpha https://gitlab.example.org/one/two #tool #wallet
reposition Alpha
"""


def write_taxonomy(folder: Path, world: World) -> None:
    """Write migrations/ below ``folder``: ecosystems with the sample's repositories and one of nobody."""
    names = ("Alpha", '"Beta Chain"', "Gamma")
    added = [
        f"repadd {names[number % 3]} https://github.com/{each.full_name(END)}"
        for number, each in enumerate(world.repositories[:12])
    ]
    added.append("repadd Gamma https://github.com/nobody/knows")
    place = folder / "migrations"
    place.mkdir(parents=True)
    (place / "2024-01-31T235959_mutations").write_text(FIRST + "\n".join(added) + "\n")
    (place / "2025-01-31T235959_mutations").write_text(LATER)
