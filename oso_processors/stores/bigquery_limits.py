"""What BigQuery cannot do, or not at one moment: refused before anything is moved."""

from __future__ import annotations

from collections.abc import Mapping

from oso_processors import checksum
from oso_processors.errors import StoreUnusable
from oso_processors.stores import Output
from oso_processors.stores import bigquery_shape as shape

# One transaction changes rows of a hundred tables; one of them says which release is served.
TABLES = 99


def refuse_options(output: Output, now: shape.Kind | None) -> None:
    """Raise `StoreUnusable` for options that BigQuery would refuse, or that change what is served."""
    kinds = {each.name: checksum.kind(each, output.name) for each in output.table.columns}
    said = shape.options(output)
    column = said.get("partition_by")
    if column is not None and kinds[column] not in ("date", "moment"):
        refuse(output.name, f"partition_by: {column} is no date or timestamp; name one that is")
    for column in said.get("cluster_by", ()):
        if kinds[column] == "texts":
            refuse(output.name, f"cluster_by: {column} is a list; name another column")
    wanted = said.get("kind") or ("view" if said.get("partition_by") else now)
    if now is not None and wanted != now:
        refuse(
            output.name,
            f"is served as a {now}, and a name cannot become a {wanted} without being gone"
            f" for a moment; say `kind: {now}`, or drop it first",
        )


def refuse_other_types(served: Output | None, output: Output) -> None:
    """Raise `StoreUnusable` when a promised column has another type, which no switch does with the rest."""
    if served is None or "preview" in (served.about.get("tier"), output.about.get("tier")):
        return
    for name, (was, kind) in shape.retyped(served, output).items():
        refuse(
            output.name,
            f"column {name} is {was} and would be {kind}, which BigQuery cannot switch at the moment"
            " of the rest; publish it under a new name, or as `tier: preview`",
        )


def refuse_too_many(kinds: Mapping[str, shape.Kind]) -> None:
    """Raise `StoreUnusable` when a release could change more tables than one transaction does."""
    count = sum(kind == "table" for kind in kinds.values())
    if count > TABLES:
        refuse(
            "publish",
            f"{count} outputs are tables, and BigQuery changes at most {TABLES} of them at one"
            f" moment; say `kind: view` for {count - TABLES} that are not served yet",
        )


def refuse(place: str, reason: str) -> None:
    """Raise `StoreUnusable`."""
    raise StoreUnusable("bigquery", place, reason)
