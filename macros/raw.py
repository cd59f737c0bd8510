"""Raw tables exist before anything was collected, so that a first plan finds them."""

from __future__ import annotations

from typing import Any

from sqlmesh import macro


@macro()
def create_raw_tables(evaluator: Any) -> list[str]:
    """Return the statements that make the raw tables that are missing, empty."""
    from oso_processors.collectors.raw_tables import create_statements

    return create_statements()
