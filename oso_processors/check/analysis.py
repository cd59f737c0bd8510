"""Every model's query as GoogleSQL sees it: names, functions, and the columns it gives.

Three tell what a model's columns are: GoogleSQL, SQLMesh and DuckDB. They must agree, since a table is
made with SQLMesh's types and filled by DuckDB here and by BigQuery elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oso_processors.check.advice import advice, one_line
from oso_processors.check.findings import Finding
from oso_processors.check.places import cast_operators, locate, place_of
from oso_processors.errors import ModelInvalid, QueryRefused
from oso_processors.googlesql import Column, Engine, Kind
from oso_processors.models import Model, Models

STEP = "GoogleSQL analysis"
CAST_OPERATOR = "GoogleSQL has no operator ::; write CAST(… AS …), or run `sqlmesh format`"
# How DuckDB's messages name what they are about.
NAMED = re.compile(r'"([^"]+)"|with name (\w+)')


@dataclass
class Analyst:
    """Analyses models against the columns of all the others."""

    project: Path
    models: Models
    engine: Engine

    def __post_init__(self) -> None:
        self._idioms = self.models.idioms()
        self.tables = {
            name: {column: kind for column, kind in model.columns.items() if kind}
            for name, model in self.models.all.items()
        }
        for model in self.models.all.values():
            if model.has_query and not all(model.columns.values()):
                self._complete(model)

    def findings(self, names: Sequence[str]) -> list[Finding]:
        """Return what GoogleSQL finds in the models, and where the engines' columns differ."""
        queries = [self.models[name] for name in names if self.models[name].has_query]
        in_duckdb = self.models.duckdb_columns(model.name for model in queries)
        return [found for model in queries for found in self._model(model, in_duckdb[model.name])]

    def refusal(self, model: Model, query: str, refused: QueryRefused) -> Finding:
        """Return what to say of a query of ``model`` that GoogleSQL refuses."""
        place = locate(model.path.read_text(), query, refused.line, refused.column)
        message = one_line(refused.message)
        what_to_do = advice(refused.message, self._idioms)
        path = model.path.relative_to(self.project)
        return Finding(STEP, path, message, place.line, place.column, what_to_do, model.name)

    def _complete(self, model: Model) -> None:
        """Learn the columns whose types SQLMesh does not know, for the sake of the model's readers."""
        try:
            columns = self.engine.analyze(self.models.query(model.name), self.tables)
        except (ModelInvalid, QueryRefused):
            return
        self.tables[model.name] = {each.name: str(each.kind) for each in columns}

    def _model(self, model: Model, in_duckdb: Mapping[str, str] | ModelInvalid) -> list[Finding]:
        path = model.path.relative_to(self.project)
        text = model.path.read_text()
        found = [
            Finding(STEP, path, CAST_OPERATOR, place.line, place.column, model=model.name)
            for place in cast_operators(text)
        ]
        try:
            query = self.models.query(model.name)
            columns = self.engine.analyze(query, self.tables)
        except ModelInvalid as error:
            return [*found, Finding(STEP, path, error.problem, model=model.name)]
        except QueryRefused as refused:
            return [*found, self.refusal(model, query, refused)]
        if isinstance(in_duckdb, ModelInvalid):
            return [*found, self._only_there(model, text, in_duckdb.problem)]
        return found + [
            self._difference(model, text, name, problem)
            for name, problem in self._differences(model, columns, in_duckdb)
        ]

    def _only_there(self, model: Model, text: str, problem: str) -> Finding:
        """Return what to say of a query that GoogleSQL takes and DuckDB does not."""
        named = NAMED.search(problem)
        place = place_of(text, (named[1] or named[2]) if named else "")
        message = f"DuckDB refuses what BigQuery takes: {problem}"
        path = model.path.relative_to(self.project)
        what_to_do = "write it so that both take it"
        return Finding(STEP, path, message, place.line, place.column, what_to_do, model.name)

    def _difference(self, model: Model, text: str, column: str, problem: str) -> Finding:
        place = place_of(text, column)
        return Finding(
            STEP,
            model.path.relative_to(self.project),
            f"{column}: {problem}",
            place.line,
            place.column,
            "cast it in the outermost SELECT",
            model.name,
        )

    def _differences(
        self, model: Model, columns: Sequence[Column], in_duckdb: Mapping[str, str]
    ) -> list[tuple[str, str]]:
        """Return the columns on which the three do not agree, each with the problem."""
        found = []
        ours = {each.name: str(each.kind) for each in columns}
        for name in [*ours, *(each for each in model.columns if each not in ours)]:
            there, derived = ours.get(name), model.columns.get(name)
            expected = str(Kind.parse(derived)) if derived else None
            if there is None or there != expected:
                known = expected or ("an unknown type" if derived == "" else "no such column")
                found.append(
                    (name, f"GoogleSQL gives {there or 'no such column'}, SQLMesh {known}")
                )
            elif derived:
                wanted, has = self.models.as_duckdb_type(derived), in_duckdb.get(name)
                if has != wanted:
                    found.append((name, f"DuckDB gives {has or 'no such column'} and not {wanted}"))
        return found
