"""What a check is about: all models, those that were named, or those that a change concerns."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oso_processors.errors import NoSuchRevision

if TYPE_CHECKING:
    from oso_processors.models import Models

# A change of one of these can change what any model means.
EVERYWHERE = ("audits", "config.yaml", "external_models.yaml", "linter", "macros", "seeds")
DEPENDENCIES = ("pyproject.toml", "requirements.txt")
BASES = ("origin/main", "main")


@dataclass(frozen=True, slots=True)
class Scope:
    """`names` are checked in full; `analysed` are they and what a change of them may break."""

    names: tuple[str, ...]
    analysed: tuple[str, ...]
    is_whole: bool


def everything(models: Models) -> Scope:
    """Return the scope that is all models."""
    return Scope(tuple(models.all), tuple(models.all), True)


def named(models: Models, names: Iterable[str]) -> Scope:
    """Return the scope of the models named; raise `NoSuchModel`."""
    found = {models[name].name for name in names}
    ordered = tuple(name for name in models.all if name in found)
    return Scope(ordered, ordered, False)


def concerned(models: Models, project: Path, paths: Sequence[Path]) -> Scope:
    """Return the scope of a change of ``paths``."""
    if any(_is_everywhere(project, path) for path in paths):
        return everything(models)
    files = {project / path for path in paths}
    names = {name for name, model in models.all.items() if model.path in files}
    for path in files:
        if path.match("tests/models/*.yaml") and path.exists():
            names.update(models.tested_in(path))
    children = {child for name in names for child in models.children(name)}
    return Scope(
        tuple(name for name in models.all if name in names),
        tuple(name for name in models.all if name in names | children),
        False,
    )


def changed_paths(project: Path, base: str | None) -> list[Path]:
    """Return the files that differ from where this branch left ``base``, new ones too.

    Raise `NoSuchRevision`.
    """
    start = _start(project, base)
    listed = _git(project, "diff", "--name-only", "--relative", "-z", start)
    new = _git(project, "ls-files", "--others", "--exclude-standard", "-z")
    return [Path(name) for name in (listed + new).split("\0") if name]


def _start(project: Path, base: str | None) -> str:
    for revision in [base] if base else BASES:
        found = _tried(project, "merge-base", "HEAD", revision)
        if found is not None:
            return found.strip()
    raise NoSuchRevision(base or BASES[-1])


def _is_everywhere(project: Path, path: Path) -> bool:
    is_removed_model = path.parts[0] == "models" and not (project / path).exists()
    return path.parts[0] in (*EVERYWHERE, *DEPENDENCIES) or is_removed_model


def _git(project: Path, *arguments: str) -> str:
    found = _tried(project, *arguments)
    if found is None:
        raise NoSuchRevision(" ".join(arguments))
    return found


def _tried(project: Path, *arguments: str) -> str | None:
    command: Sequence[str] = ("git", "-C", str(project), *arguments)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
