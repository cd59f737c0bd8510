"""Decimals have nine digits on both engines, which want them written in different words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="module")
def rendered(
    copy_project: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, str]]:
    """Every model's query as an engine gets it."""
    from sqlmesh import Context

    folder = tmp_path_factory.mktemp("decimals")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OSO_HOME", str(folder / "home"))
        models = Context(
            paths=[str(copy_project(folder / "project"))], load_state=False
        ).models.values()

    def render(dialect: str) -> dict[str, str]:
        engine = SimpleNamespace(dialect=dialect)
        queries = {each.name: each.render_query(engine_adapter=engine) for each in models}
        return {name: query.sql(dialect) for name, query in queries.items() if query}

    return render


def test_bigquery_gets_decimals_without_a_precision_which_it_refuses_in_a_cast(rendered):
    queries = rendered("bigquery")

    assert "AS NUMERIC)" in queries["metrics.stars"]
    assert [name for name, query in queries.items() if "NUMERIC(" in query] == []


def test_duckdb_gets_no_decimal_without_a_precision_which_would_have_three_digits(rendered):
    queries = rendered("duckdb")

    assert "AS DECIMAL(38, 9))" in queries["metrics.stars"]
    bare = re.compile(r"\bDECIMAL\b(?!\((38, 9|19, 0|10, 9)\))")
    assert [name for name, query in queries.items() if bare.search(query)] == []
