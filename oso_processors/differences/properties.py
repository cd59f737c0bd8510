"""What the header of a kept model says: its materialization's properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

NAMES = ("cells", "through", "tells")


@dataclass(frozen=True, slots=True)
class Properties:
    """Names of columns (`cells`, `tells`) and of models (`through`)."""

    cells: tuple[str, ...]
    through: tuple[str, ...]
    tells: tuple[str, ...]

    @classmethod
    def of(cls, model: Any) -> Properties:
        """Return what a model of the kind says."""
        said = model.kind.materialization_properties
        return cls(*(_names(said.get(name)) for name in NAMES))


def _names(listed: exp.Expr | None) -> tuple[str, ...]:
    if listed is None:
        return ()
    parts = listed.expressions if isinstance(listed, exp.Tuple) else [listed.unnest()]
    return tuple(each.sql(dialect="bigquery").replace("`", "") for each in parts)
