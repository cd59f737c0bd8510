"""`kind CUSTOM (materialization 'differences')`: a table that is computed anew only where its inputs changed.

Its properties are names. `cells`: columns by which a row depends on those rows only, of tables that have
such columns, that have the same values in them. `through`: tables that join others to such rows. `tells`:
columns that its log tells beside its grain. See docs/decisions/0025.
On other engines than DuckDB it is what FULL is.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlmesh import CustomMaterialization, Model

from oso_processors.differences.inputs import Inputs
from oso_processors.differences.kept import Held, Kept, place_of
from oso_processors.differences.properties import Properties
from oso_processors.differences.writing import begin, update
from oso_processors.sqlmesh_names import grain_of, public_name


class Differences(CustomMaterialization):  # type: ignore[misc] # SQLMesh tells mypy nothing of it.
    """Writes the rows that differ, and tells which these were to the tables that are made from them."""

    NAME = "differences"

    def insert(
        self,
        table_name: str,
        query_or_df: Any,
        model: Model,
        is_first_insert: bool,
        render_kwargs: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        """Make the table what the query gives now."""
        if self.adapter.dialect != "duckdb" or not isinstance(query_or_df, exp.Query):
            self._replace_query_for_model(model, table_name, query_or_df, render_kwargs, **kwargs)
            return
        connection = self.adapter.cursor
        target = Kept(connection, exp.to_table(table_name, dialect=model.dialect))
        said = Properties.of(model)
        through = [_held(self.adapter, name, kwargs) for name in said.through]
        inputs = Inputs(connection, query_or_df, said.cells, through)
        concerned = inputs.concerned(target)
        if target.own and target.columns and update(target, inputs, concerned):
            return
        self._replace_query_for_model(model, table_name, query_or_df, render_kwargs, **kwargs)
        begin(target, (*grain_of(model), *said.tells))

    def delete(self, name: str, **kwargs: Any) -> None:
        """Drop the table with its memory."""
        if self.adapter.dialect == "duckdb":
            Kept(self.adapter.cursor, exp.to_table(name)).forget()
        super().delete(name, **kwargs)


def _held(adapter: Any, name: str, kwargs: dict[str, Any]) -> Held:
    """Return the physical table of a model that this one reads."""
    (snapshot,) = (e for e in kwargs["snapshots"].values() if public_name(e.name) == name)
    index = kwargs["deployability_index"]
    table = exp.to_table(snapshot.table_name(index.is_deployable(snapshot)), dialect="bigquery")
    return Held(adapter.cursor, place_of(table))
