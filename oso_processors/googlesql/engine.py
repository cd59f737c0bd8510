"""Analyse and execute queries as BigQuery would.

Tables exist only for the length of a call: names and types for `analyze`, rows too for `execute`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import sqlglot
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from sqlglot import exp
from sqlglot.errors import ParseError
from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import (
    AnalyzeRequest,
    AnalyzeResponse,
    EvaluateQueryRequest,
    EvaluateQueryResponse,
    RegisterCatalogRequest,
    RegisterResponse,
    TableContent,
    UnregisterRequest,
)
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public.simple_table_pb2 import SimpleColumnProto, SimpleTableProto

from oso_processors.errors import NotEvaluable, QueryFailed, QueryRefused
from oso_processors.googlesql import dialect, module
from oso_processors.googlesql.columns import Column, Kind
from oso_processors.googlesql.service import (
    ABORTED,
    INVALID_ARGUMENT,
    OUT_OF_RANGE,
    Refused,
    Response,
    Service,
)
from oso_processors.googlesql.values import decode, encode
from oso_processors.progress import Progress

PLACE = re.compile(r" \[at (\d+):(\d+)\]")

Columns = Mapping[str, str]


class Content(NamedTuple):
    """A table: its columns with their types, and its rows, whose values stand in that order."""

    columns: Columns
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave; `rows` stand in no promised order unless the query has one."""

    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]


class Engine:
    """GoogleSQL as BigQuery speaks it.

    ::

        engine = Engine.load(progress)
        engine.analyze("SELECT a + 1 AS b FROM s.t", {"s.t": {"a": "INT64"}})
        # (Column("b", Kind("INT64")),)
        engine.execute("SELECT a + 1 AS b FROM s.t", {"s.t": Content({"a": "INT64"}, [[1], [2]])}).rows
        # [(2,), (3,)]

    Tables are named as the query names them; types are written as in BigQuery. Python's values of each
    type are those of `oso_processors.googlesql.values`. A call takes about 40 ms, so to try one
    expression on many values, put them into one table.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._options = dialect.analyzer_options(service)
        self._known: tuple[Mapping[str, Columns], int] | None = None

    @classmethod
    def load(cls, progress: Progress) -> Engine:
        """Return an engine; the first on a machine compiles it, which takes a minute."""
        return cls(Service(module.load(progress)))

    def analyze(self, sql: str, tables: Mapping[str, Columns]) -> tuple[Column, ...]:
        """Return the columns that ``sql`` gives.

        Raise `QueryRefused`, with the place in ``sql``, when BigQuery would refuse it.
        """
        request = AnalyzeRequest(
            sql_statement=sql, options=self._options, registered_catalog_id=self._registered(tables)
        )
        try:
            statement = self._call("Analyze", request, AnalyzeResponse).resolved_statement
        except Refused as refused:
            raise _refusal(refused) from None
        listed = statement.resolved_query_stmt_node.output_column_list
        return tuple(Column(each.name, Kind.from_proto(each.column.type)) for each in listed)

    def execute(self, sql: str, tables: Mapping[str, Content]) -> Result:
        """Return what ``sql`` gives over ``tables``.

        Raise `QueryRefused` when BigQuery would refuse it, `QueryFailed` when it fails on these rows
        (a division by zero, an overflow), and `NotEvaluable` when the reference evaluator does not
        know a function that BigQuery has: then nothing was proven.
        """
        columns_of = {name: each.columns for name, each in tables.items()}
        try:
            answer = self._evaluate(sql, tables, self._catalog(columns_of))
        except (ParseError, Refused) as error:
            # Names were made plain on the way: only the analysis of the query itself tells a place.
            self.analyze(sql, columns_of)
            if isinstance(error, ParseError):
                raise NotEvaluable(f"SQLGlot cannot read it: {error}") from None
            raise _failure(error) from None
        columns = tuple(
            Column(each.name, Kind.from_proto(each.type)) for each in answer.prepared.columns
        )
        rows = [
            tuple(decode(column.kind, cell) for column, cell in zip(columns, row.cell, strict=True))
            for row in answer.content.table_data.row
        ]
        return Result(columns, rows)

    def _evaluate(
        self, sql: str, tables: Mapping[str, Content], catalog: SimpleCatalogProto
    ) -> EvaluateQueryResponse:
        request = EvaluateQueryRequest(
            sql=_with_plain_names(sql, frozenset(tables)),
            options=self._options,
            simple_catalog=catalog,
            table_content={name: _content(each) for name, each in tables.items()},
        )
        return self._call("EvaluateQuery", request, EvaluateQueryResponse)

    def _registered(self, tables: Mapping[str, Columns]) -> int:
        """Return the number of the catalogue of ``tables``; the last one is kept, since most calls of a
        check share one and making it is most of a call's time."""
        known = {name: dict(columns) for name, columns in tables.items()}
        if self._known is None or self._known[0] != known:
            if self._known is not None:
                old = UnregisterRequest(registered_id=self._known[1])
                self._call("UnregisterCatalog", old, Empty)
            request = RegisterCatalogRequest(simple_catalog=self._catalog(tables))
            answer = self._call("RegisterCatalog", request, RegisterResponse)
            self._known = known, answer.registered_id
        return self._known[1]

    def _call(self, method: str, request: Message, answer: type[Response]) -> Response:
        try:
            return self._service.call(method, request, answer)
        except Refused as refused:
            if refused.code == ABORTED:
                # Its memory is gone, and with it the catalogue.
                self._known = None
            raise

    def _catalog(self, tables: Mapping[str, Columns]) -> SimpleCatalogProto:
        """Return ``tables``, each under its whole name and under its path of names."""
        root = SimpleCatalogProto(name="root")
        root.builtin_function_options.language_options.CopyFrom(self._options.language_options)
        inner = {"": root}
        for name, columns in tables.items():
            root.table.append(_table(name, columns))
            *path, last = name.split(".")
            catalog, place = root, ""
            for part in path:
                place = f"{place}.{part}"
                if place not in inner:
                    inner[place] = catalog.catalog.add(name=part)
                catalog = inner[place]
            if path:
                catalog.table.append(_table(last, columns))
        return root


def _table(name: str, columns: Columns) -> SimpleTableProto:
    return SimpleTableProto(
        name=name,
        column=[
            SimpleColumnProto(name=column, type=Kind.parse(kind).to_proto())
            for column, kind in columns.items()
        ],
    )


def _content(table: Content) -> TableContent:
    content = TableContent()
    kinds = [Kind.parse(kind) for kind in table.columns.values()]
    for row in table.rows:
        cells = (encode(kind, value) for kind, value in zip(kinds, row, strict=True))
        content.table_data.row.add(cell=cells)
    content.table_data.SetInParent()
    return content


# Reading a long query takes longer than executing it, and one is often tried on many tables.
@lru_cache(maxsize=16)
def _with_plain_names(sql: str, tables: frozenset[str]) -> str:
    """Return ``sql`` with each table's path as one quoted name: only so can a table have rows."""
    cuts = []
    for table in sqlglot.parse_one(sql, dialect="bigquery").find_all(exp.Table):
        name = ".".join(part.name for part in table.parts)
        if name in tables and "." in name:
            start, end = table.parts[0].meta["start"], table.parts[-1].meta["end"] + 1
            alias = "" if table.alias else f" AS `{table.name}`"
            cuts.append((start, end, f"`{name}`{alias}"))
    for start, end, name in sorted(cuts, reverse=True):
        sql = sql[:start] + name + sql[end:]
    return sql


def _refusal(refused: Refused) -> QueryRefused:
    message = str(refused)
    place = PLACE.search(message)
    line, column = (int(place[1]), int(place[2])) if place else (None, None)
    return QueryRefused(PLACE.sub("", message), line, column)


def _failure(refused: Refused) -> QueryFailed | NotEvaluable:
    is_of_rows = refused.code in (INVALID_ARGUMENT, OUT_OF_RANGE)
    return QueryFailed(str(refused)) if is_of_rows else NotEvaluable(str(refused))
