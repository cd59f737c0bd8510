"""Raw tables exist before anything was collected, so that a first plan finds them."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlmesh import macro

from macros.engines import dialect_of


@macro()
def create_raw_tables(evaluator: Any) -> list[exp.Expression]:
    """Return the statements that make the raw tables that are missing, empty, on any engine.

    It runs before everything else that a plan does, and so it is here that a warehouse which was
    built under another catalogue's name is refused.
    """
    from oso_processors.catalog import require_built_for
    from oso_processors.collectors.raw_tables import create_statements

    if dialect_of(evaluator) == "duckdb":
        adapter = evaluator.locals["engine_adapter"]
        require_built_for(adapter.cursor, adapter.default_catalog)
    # The connectors' schemas are said in DuckDB's types; SQLGlot says them in the engine's own.
    return [sqlglot.parse_one(each, dialect="duckdb") for each in create_statements()]
