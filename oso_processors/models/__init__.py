"""The project's models as SQLMesh reads them, with no warehouse: to check them, not to build them.

The second door to SQLMesh, beside `warehouse`. Its databases are in memory, so that a check can run
on a fresh clone and beside a run that holds the warehouse.
"""

from __future__ import annotations

import copy
import importlib
import logging
import os
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from inspect import cleandoc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlmesh import Context
from sqlmesh.core.config import Config, DuckDBConnectionConfig
from sqlmesh.core.config.loader import load_configs
from sqlmesh.core.console import NoopConsole, set_console
from sqlmesh.core.dialect import normalize_model_name
from sqlmesh.core.linter.definition import AnnotatedRuleViolation
from sqlmesh.core.macros import RuntimeStage
from sqlmesh.core.model import SqlModel
from sqlmesh.core.test.definition import TIME_KWARG_KEYS, ModelTest
from sqlmesh.utils.date import to_datetime
from sqlmesh.utils.errors import SQLMeshError

from oso_processors.errors import ModelInvalid, NoSuchModel, ProjectInvalid
from oso_processors.models.facts import (
    Columns,
    Model,
    Rows,
    TestFailure,
    UnitTest,
    Violation,
    Words,
)
from oso_processors.settings import Settings
from oso_processors.sqlmesh_names import grain_of, one_line, public_name, source_of

__all__ = [
    "Columns",
    "Model",
    "Models",
    "Rows",
    "TestFailure",
    "UnitTest",
    "Violation",
    "Words",
]

GATEWAY = "local"
DIALECT = "bigquery"
# As much of each engine as macros ask for.
ENGINES = {each: SimpleNamespace(dialect=each) for each in (DIALECT, "duckdb")}


class Models:
    """The models of a project."""

    def __init__(self, settings: Settings) -> None:
        """Load the project; raise `ProjectInvalid`."""
        settings.make_home()
        os.environ.setdefault("MAX_FORK_WORKERS", "1")
        set_console(NoopConsole())
        # What SQLMesh warns of, a check says itself.
        logging.getLogger("sqlmesh").setLevel(logging.ERROR)
        try:
            configs = load_configs(None, Config, [str(settings.project)])
            for config in configs.values():
                _detach(config, settings.home / "cache-check")
            self._context = Context(config=configs, gateway=GATEWAY, load_state=False)
        except (SQLMeshError, SqlglotError) as error:
            raise ProjectInvalid(one_line(error)) from error
        self._catalog = str(self._context.default_catalog)
        self._by_name = {public_name(name): model for name, model in self._context.models.items()}
        self._queries: dict[tuple[str, str], str] = {}
        self._duckdb_types: dict[str, str] = {}
        self.all = {name: self._model(name) for name in self._by_name}

    def __getitem__(self, name: str) -> Model:
        """Return a model; raise `NoSuchModel`."""
        try:
            return self.all[name]
        except KeyError:
            raise NoSuchModel(name, tuple(self.all)) from None

    def words(self, name: str) -> Words:
        """Return what a model says of itself; raise `NoSuchModel`."""
        model = self._by_name[self[name].name]
        words = cleandoc(model.description or "")
        return Words(words, grain_of(model), model.column_descriptions, _never_null(model))

    def children(self, name: str) -> list[str]:
        """Return the models that read ``name``."""
        return [each.name for each in self.all.values() if name in each.parents]

    def sources(self, name: str) -> set[str]:
        """Return the names of the sources that ``name`` descends from."""
        found, todo = set(), [name]
        while todo:
            each = todo.pop()
            if each not in found:
                found.add(each)
                todo += self.all[each].parents if each in self.all else ()
        return {source for each in found if (source := source_of(each))}

    def query(self, name: str, dialect: str = DIALECT) -> str:
        """Return a model's query as an engine gets it; raise `ModelInvalid` when it has none."""
        key = (name, dialect)
        if key not in self._queries:
            try:
                rendered = self._by_name[name].render_query_or_raise(
                    engine_adapter=ENGINES[dialect]
                )
            except (SQLMeshError, SqlglotError) as error:
                raise ModelInvalid(name, one_line(error)) from error
            self._queries[key] = self._text(rendered, dialect)
        return self._queries[key]

    def daily_query(self, name: str, now: datetime) -> str:
        """Return the very query by which BigQuery builds the day before ``now``; raise `ModelInvalid`."""
        day = now.date() - timedelta(days=1)
        try:
            query = self._by_name[name].render_query_or_raise(
                start=day, end=day, execution_time=now, engine_adapter=ENGINES[DIALECT]
            )
        except (SQLMeshError, SqlglotError) as error:
            raise ModelInvalid(name, one_line(error)) from error
        return self._text(query)

    def duckdb_columns(self, names: Iterable[str]) -> dict[str, Columns | ModelInvalid]:
        """Return the columns that DuckDB gives each model, with its types, or why it refuses it."""
        connection = self._with_empty_tables()
        found: dict[str, Columns | ModelInvalid] = {}
        for name in names:
            try:
                query = self._by_name[name].render_query_or_raise(engine_adapter=ENGINES["duckdb"])
                described = connection.execute(f"DESCRIBE {query.sql('duckdb')}").fetchall()
            except (duckdb.Error, SQLMeshError, SqlglotError) as error:
                found[name] = ModelInvalid(name, str(error).strip().splitlines()[0])
            else:
                found[name] = {row[0]: row[1] for row in described}
        return found

    def as_duckdb_type(self, bigquery_type: str) -> str:
        """Return what DuckDB calls a type of BigQuery's."""
        if bigquery_type not in self._duckdb_types:
            kind = exp.DataType.build(bigquery_type, dialect=DIALECT).sql("duckdb")
            row = self._duckdb().execute(f"SELECT typeof(CAST(NULL AS {kind}))").fetchone()
            self._duckdb_types[bigquery_type] = str(row[0]) if row else ""
        return self._duckdb_types[bigquery_type]

    def unformatted(self, paths: Iterable[Path]) -> list[Path]:
        """Return those of the SQL files that `sqlmesh format` would change."""
        return [each for each in paths if not self._context.format(check=True, paths=(each,))]

    def violations(self, names: Iterable[str]) -> list[Violation]:
        """Return what the linter finds in the models."""
        models = [self._by_name[name] for name in names]
        found = self._context.lint_models(models, raise_on_error=False) if models else []
        return [self._violation(each) for each in found]

    def tests(self, names: Iterable[str]) -> list[UnitTest | TestFailure]:
        """Return the models' unit tests, with the query that each executes.

        One that names no model, or cannot be read or rendered, is a failure, whatever ``names``.
        """
        fqns = {self._by_name[name].fqn for name in names}
        found = []
        for each in self._context.select_tests():
            fqn = self._fqn(str(each.model_name))
            if fqn in fqns or fqn not in self._context.models:
                found.append(self._unit_test(each))
        return found

    def tested_in(self, path: Path) -> list[str]:
        """Return the models that the tests of a file are of."""
        fqns = {
            self._fqn(str(each.model_name))
            for each in self._context.select_tests()
            if Path(each.path).samefile(path)
        }
        return sorted(public_name(fqn) for fqn in fqns if fqn in self._context.models)

    def idioms(self) -> dict[str, str]:
        """Return the house list: what to write instead of a function that is on it, by its name."""
        try:
            listed = importlib.import_module("linter.idioms").IDIOMS
        except ModuleNotFoundError:
            return {}
        return {
            word: each.instead
            for each in listed
            for word in re.findall(r"[A-Z][A-Z0-9_]{2,}", each.what)
        }

    def failures(self, names: Iterable[str]) -> list[TestFailure]:
        """Execute the unit tests of the models on DuckDB and return those that did not pass."""
        fqns = [self._by_name[name].fqn for name in names]
        result = self._context.test(model_names=fqns)
        return [
            self._failure(test, error[1], is_error)
            for found, is_error in (
                (result.original_failures, False),
                (result.original_errors, True),
            )
            for test, error in found
        ]

    def _model(self, name: str) -> Model:
        model = self._by_name[name]
        columns = {
            column: "" if kind.is_type("unknown") else kind.sql(DIALECT)
            for column, kind in (model.columns_to_types or {}).items()
        }
        return Model(
            name=name,
            path=Path(model._path),
            columns=columns,
            parents=tuple(sorted(map(public_name, model.depends_on))),
            has_query=isinstance(model, SqlModel),
            is_external=model.kind.is_external,
        )

    def _text(self, query: exp.Query, dialect: str = DIALECT) -> str:
        """Return a query with tables named as people name them."""
        plain = query.copy()
        for table in plain.find_all(exp.Table):
            if table.catalog == self._catalog:
                table.set("catalog", None)
        return str(plain.sql(dialect, pretty=True, copy=False))

    def _duckdb(self) -> duckdb.DuckDBPyConnection:
        connection: duckdb.DuckDBPyConnection = self._context.engine_adapter.cursor
        return connection

    def _with_empty_tables(self) -> duckdb.DuckDBPyConnection:
        """Return a database in which every model is an empty table."""
        connection = self._duckdb()
        for model in self._by_name.values():
            table = exp.to_table(model.fqn)
            columns = exp.Schema(
                this=table,
                expressions=[
                    exp.ColumnDef(this=exp.to_identifier(name, quoted=True), kind=kind)
                    for name, kind in (model.columns_to_types or {}).items()
                    if not kind.is_type("unknown")
                ],
            )
            if columns.expressions:
                connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.catalog}"."{table.db}"')
                create = exp.Create(this=columns, kind="TABLE", replace=True)
                connection.execute(create.sql("duckdb"))
        return connection

    def _violation(self, found: AnnotatedRuleViolation) -> Violation:
        start = found.violation_range.start if found.violation_range else None
        return Violation(
            model=public_name(found.model.fqn),
            rule=found.rule.name,
            message=found.violation_msg,
            line=start.line + 1 if start else None,
            column=start.character + 1 if start else None,
        )

    def _failure(self, test: Any, error: BaseException | None, is_error: bool) -> TestFailure:
        first, _, rest = str(error).strip().partition("\n")
        return TestFailure(
            name=test.test_name,
            model=public_name(test.model.fqn),
            path=Path(test.path),
            message=one_line(error) if is_error and error else first,
            detail="" if is_error else rest.strip(),
            is_error=is_error,
        )

    def _fqn(self, name: str) -> str:
        return str(normalize_model_name(name, default_catalog=self._catalog, dialect=DIALECT))

    def _unit_test(self, metadata: Any) -> UnitTest | TestFailure:
        name, path = metadata.test_name, Path(metadata.path)
        model = str(metadata.body.get("model"))
        try:
            test = ModelTest.create_test(
                body=copy.deepcopy(metadata.body),
                test_name=name,
                models=self._context.models,
                engine_adapter=self._context.engine_adapter,
                dialect=DIALECT,
                path=metadata.path,
                default_catalog=self._catalog,
            )
            if test is None:
                return TestFailure(name, model, path, f"there is no model {model!r}", "", True)
            query = self._tested_query(test)
        except (ModelInvalid, SQLMeshError, SqlglotError) as error:
            return TestFailure(name, model, path, one_line(error), "", True)
        outputs, inputs = test.body["outputs"], test.body.get("inputs", {})
        output = outputs.get("query") or {}
        has_rows = all("rows" in each for each in (output, *inputs.values()))
        return UnitTest(
            name=name,
            model=public_name(test.model.fqn),
            path=path,
            query=query,
            inputs={public_name(each): values.get("rows", []) for each, values in inputs.items()},
            expected=output["rows"] if query and has_rows and "ctes" not in outputs else None,
            is_partial=bool(output.get("partial")),
        )

    def _tested_query(self, test: ModelTest) -> str:
        """Return the query of a test's model under the test's variables, with its clock stopped."""
        if not isinstance(test.model, SqlModel):
            return ""
        variables = dict(test.body.get("vars", {}))
        if not variables and not _knows_of_tests(test.model):
            return self.query(public_name(test.model.fqn))
        times = {key: variables.pop(key) for key in TIME_KWARG_KEYS if key in variables}
        query = test.model.render_query_or_raise(
            **times, variables=variables, runtime_stage=RuntimeStage.TESTING
        ).copy()
        if "execution_time" in times:
            _stop_clock(query, str(to_datetime(times["execution_time"])))
        return self._text(query)


def _detach(config: Config, cache: Path) -> None:
    """Give the configuration databases in memory and a cache that no warehouse shares."""
    gateway = config.gateways[GATEWAY]
    # SQLMesh opens every gateway that there is.
    config.gateways, config.default_gateway = {GATEWAY: gateway}, GATEWAY
    gateway.connection = DuckDBConnectionConfig(
        catalogs=dict.fromkeys(gateway.connection.catalogs, ":memory:"), concurrent_tasks=1
    )
    gateway.state_connection = DuckDBConnectionConfig()
    config.cache_dir = str(cache)


def _never_null(model: Any) -> frozenset[str]:
    """Return the columns that an audit of a model holds to be never NULL, on no condition."""
    audits = [
        arguments["columns"]
        for name, arguments in model.audits
        if name == "not_null" and "condition" not in arguments
    ]
    return frozenset(each.name for listed in audits for each in listed.find_all(exp.Column))


def _knows_of_tests(model: SqlModel) -> bool:
    """Return whether a model may have another query in a test: rendering again is most of the time."""
    sources = [model.query.sql(DIALECT), *(str(each.payload) for each in model.python_env.values())]
    return any("runtime_stage" in each for each in sources)


def _stop_clock(query: exp.Query, now: str) -> None:
    kinds = {
        exp.CurrentDate: "date",
        exp.CurrentDatetime: "datetime",
        exp.CurrentTime: "time",
        exp.CurrentTimestamp: "timestamp",
    }
    for node in list(query.find_all(*kinds)):
        node.replace(exp.cast(exp.Literal.string(now), kinds[type(node)], dialect=DIALECT))
