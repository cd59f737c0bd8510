"""How SQLMesh's names, grains and errors are said to people."""

from __future__ import annotations

from typing import Any

from sqlglot import exp


def public_name(name: str) -> str:
    """Turn SQLMesh's ``"oso"."marts"."metrics_v1"`` into ``marts.metrics_v1``."""
    return ".".join(name.replace('"', "").split(".")[-2:])


def source_of(name: str) -> str | None:
    """Return the source that a raw table is of: gharchive of ``raw.gharchive__events``, or none."""
    schema, _, table = public_name(name).partition(".")
    return table.partition("__")[0] if schema == "raw" and "__" in table else None


def grain_of(model: Any) -> tuple[str, ...]:
    """Return the columns that make a row of a model unique."""
    return tuple(each.name for part in model.grains for each in part.find_all(exp.Column))


def one_line(error: BaseException) -> str:
    """Return what is wrong without its frame and its empty lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first, *rest = lines or [type(error).__name__]
    if first.endswith(":"):
        return " ".join([first, "; ".join(rest[:2])]).strip()
    return "; ".join([first, *rest[:2]])
