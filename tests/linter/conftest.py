"""One query on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest
from sqlmesh.core.model import SqlModel

from oso_processors.googlesql import Engine

ModelOf = Callable[..., SqlModel]
ValueOf = Callable[[str], Any]


@pytest.fixture
def on_duckdb(warehouse: duckdb.DuckDBPyConnection, model_of: ModelOf) -> ValueOf:
    """Gives the one value of a query as DuckDB sees it, past SQLMesh."""

    def value(query: str) -> Any:
        rendered = model_of(query).render_query_or_raise().sql("duckdb")
        [[found]] = warehouse.execute(rendered).fetchall()
        return found

    return value


@pytest.fixture(scope="session")
def on_googlesql(engine: Engine, model_of: ModelOf) -> ValueOf:
    """Gives the one value of a query on GoogleSQL; one with macros goes past SQLMesh."""

    def value(query: str) -> Any:
        rendered = (
            model_of(query).render_query_or_raise().sql("bigquery") if "@" in query else query
        )
        [[found]] = engine.execute(rendered, {}).rows
        return found

    return value
