"""The name of a release on the command line: r7, or 7."""

from __future__ import annotations

import re

import click


class ReleaseId(click.ParamType[str]):
    """Gives r7 for both r7 and 7, and refuses all else."""

    name = "release"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the release's id."""
        found = re.fullmatch(r"[rR]?([1-9][0-9]*)", value)
        if not found:
            self.fail(f"{value!r} is no release such as r7; `oso releases` lists them", param, ctx)
        return f"r{found[1]}"
