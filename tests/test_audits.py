"""Every audit can fail: break what each of them promises, in a copy of the table, and see it found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

# Values that some promise or other forbids, for each of DuckDB's types.
WRONG = {
    "BIGINT": ["-1", "0", "NULL", "2", "999999999"],
    "DECIMAL(38,9)": ["-1", "NULL", "2", "0.5", "999999999"],
    "VARCHAR": ["NULL", "''", "'no such thing'"],
    "BOOLEAN": ["NULL", "NOT {0}"],
    "DATE": ["NULL", "DATE '1900-01-01'", "DATE '2999-12-31'"],
    "TIMESTAMP WITH TIME ZONE": ["NULL", "TIMESTAMPTZ '1900-01-01'", "TIMESTAMPTZ '2999-12-31'"],
}
SOME = {
    "BIGINT": "1",
    "VARCHAR": "'a'",
    "BOOLEAN": "false",
    "DATE": "DATE '2024-05-01'",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ '2024-05-01'",
}
WIDE = {"start": "1970-01-01", "end": "2999-12-31", "execution_time": "2999-12-31"}


@dataclass(frozen=True)
class Promise:
    """One thing that an audit of a model promises: `query` finds what breaks it in the table `broken`."""

    model: str
    audit: str
    said: str
    query: str

    def __str__(self) -> str:
        return f"{self.model}: {self.audit}: {self.said}"


@pytest.fixture(scope="module")
def context(built):
    """The project of the finished run, in SQLMesh."""
    from sqlmesh import Context
    from sqlmesh.core.config import Config, DuckDBConnectionConfig, GatewayConfig, load_configs

    configs = load_configs(None, Config, [str(built)])
    for config in configs.values():
        config.gateways = {
            "local": GatewayConfig(connection=DuckDBConnectionConfig(catalogs={"oso": ":memory:"}))
        }
        config.disable_anonymized_analytics = True
    return Context(config=configs, gateway="local", load_state=False)


def promises(context) -> Iterator[Promise]:
    """Give what the audits of all models promise, one by one."""
    for model in context.models.values():
        name = ".".join(part.name for part in exp.to_table(model.fqn).parts[1:])
        for audit, arguments in model.audits_with_args:
            for said, one in _one_by_one(audit.name, arguments):
                query = model.render_audit_query(
                    audit, this_model="broken", **WIDE, **{**audit.defaults, **one}
                )
                yield Promise(name, audit.name, said, query.sql(dialect="duckdb"))


def _one_by_one(audit: str, arguments: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Split the criteria of `forall` and the columns of `not_null`: each is a promise of its own."""
    split = {"forall": "criteria", "not_null": "columns"}.get(audit)
    if split is None:
        yield ", ".join(f"{key} = {value}" for key, value in arguments.items()), arguments
        return
    for each in arguments[split].expressions:
        yield str(each), {**arguments, split: exp.Array(expressions=[each])}


def changes(tables: duckdb.DuckDBPyConnection, promise: Promise) -> Iterator[str]:
    """Give changes, from the likeliest on: of a row, of one of its columns, of that of all rows, of two."""
    parsed = sqlglot.parse_one(promise.query, dialect="duckdb")
    named = {each.name for each in parsed.find_all(exp.Column)}
    words = {f"'{each.this}'" for each in parsed.find_all(exp.Literal) if each.is_string}
    single = [
        f'"{name}" = {value.format(name)}'
        for name, kind, *_ in tables.execute("DESCRIBE whole").fetchall()
        if name in named
        for value in [*WRONG.get(kind, ["NULL"]), *(sorted(words) if kind == "VARCHAR" else [])]
    ]
    yield "INSERT INTO broken FROM broken WHERE rowid = 0"
    yield "DELETE FROM broken WHERE rowid = 0"
    for change in single:
        yield f"UPDATE broken SET {change} WHERE rowid = 0"
    for change in single:
        # The first row may be one of which it is no promise.
        yield f"UPDATE broken SET {change}"
    for one, other in combinations(single, 2):
        if one.split(" ")[0] != other.split(" ")[0]:
            yield f"UPDATE broken SET {one}, {other} WHERE rowid = 0"


def take(tables: duckdb.DuckDBPyConnection, model: str) -> None:
    """Make `whole` of a model's table, with a row where the sample gives none."""
    tables.execute(f"CREATE OR REPLACE TEMP TABLE whole AS FROM oso.{model}")
    if tables.execute("SELECT count(*) FROM whole").fetchone() == (0,):
        columns = tables.execute("DESCRIBE whole").fetchall()
        tables.execute(f"INSERT INTO whole SELECT {', '.join(SOME[row[1]] for row in columns)}")


def is_found(tables: duckdb.DuckDBPyConnection, promise: Promise) -> bool:
    """Say whether the audit finds some change of one row."""
    for change in changes(tables, promise):
        tables.execute("CREATE OR REPLACE TEMP TABLE broken AS FROM whole")
        tables.execute(change)
        if tables.execute(promise.query).fetchall():
            return True
    return False


def test_every_audit_passes_on_the_sample_and_finds_what_it_promises_to_find(context, tables):
    failed, blind = [], []
    for promise in promises(context):
        take(tables, promise.model)
        tables.execute("CREATE OR REPLACE TEMP TABLE broken AS FROM whole")
        if tables.execute(promise.query).fetchall():
            failed.append(str(promise))
        if not is_found(tables, promise):
            blind.append(str(promise))

    assert failed == []
    assert blind == [], "\n".join(blind)


def test_rows_that_share_a_fingerprint_by_chance_are_no_fault_and_hide_none(context, tables):
    found = {each.model: each for each in promises(context) if each.audit == "no_row_twice"}
    assert found != {}
    for model, promise in found.items():
        # As if chance gave all rows the same.
        query, count = re.subn(r"HASH\([^()]*\)", "1", promise.query)
        assert count == 3
        take(tables, model)
        tables.execute("CREATE OR REPLACE TEMP TABLE broken AS FROM whole")
        assert tables.execute(query).fetchall() == []
        tables.execute("INSERT INTO broken FROM broken WHERE rowid = 0")
        assert len(tables.execute(query).fetchall()) == 1
