"""Which columns carry values on: from raw columns through the models, by the lineage of each column.

A column that only counts, compares or orders by a value does not carry it. Where a model has no query
that can be read, all its columns carry what any of its parents does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer import build_scope, qualify
from sqlmesh.core.dialect import normalize_mapping_schema, normalize_model_name

# Fully qualified name of a model or table -> column -> the columns of its parents that it carries.
Carried = dict[str, dict[str, tuple[str, ...]]]
# What comes out of these tells of a value without showing it.
BLIND = (
    exp.Predicate,
    exp.Connector,
    exp.Not,
    exp.Count,
    exp.LogicalOr,
    exp.LogicalAnd,
    exp.Length,
)


def carried(
    models: Mapping[str, Any], order: Iterable[str], seeds: Mapping[str, Iterable[str]]
) -> Carried:
    """Return the columns of ``models`` that carry values of ``seeds``, columns of raw tables.

    Names are SQLMesh's fully qualified ones; ``order`` has parents before children.
    """
    found: Carried = {name: dict.fromkeys(columns, ()) for name, columns in seeds.items()}
    for name in order:
        model = models.get(name)
        if model is None or not any(found.get(each) for each in model.depends_on):
            continue
        columns = _of_model(model, found)
        if columns:
            found[name] = columns
    return {name: columns for name, columns in found.items() if name not in seeds}


def _of_model(model: Any, found: Carried) -> dict[str, tuple[str, ...]]:
    columns = list(model.columns_to_types or {})
    if not model.is_sql:
        parents = tuple(
            sorted(
                f"{parent}.{each}" for parent in model.depends_on for each in found.get(parent, {})
            )
        )
        return dict.fromkeys(columns, parents)
    query, scope = _blinded(model)
    carrying = {}
    for column in columns:
        tree = lineage(
            column, sql=query, scope=scope, trim_selects=False, dialect=model.dialect, copy=False
        )
        leaves = set(_leaves(tree, model))
        parents = tuple(
            f"{name}.{own}" for name, own in sorted(leaves) if own in found.get(name, {})
        )
        if parents:
            carrying[column] = parents
    return carrying


def _blinded(model: Any) -> tuple[Any, Any]:
    """Return a model's query, with NULL where a value is only looked at, and its scope."""
    query = qualify.qualify(
        model.render_query_or_raise().copy(),
        dialect=model.dialect,
        schema=normalize_mapping_schema(model.mapping_schema, dialect=model.dialect),
        validate_qualify_columns=False,
        infer_schema=True,
    )
    for window in list(query.find_all(exp.Window)):
        window.set("partition_by", None)
        window.set("order", None)
    for branch in list(query.find_all(exp.If, exp.Case)):
        if branch.this is not None:
            branch.set("this", exp.null())
    for node in list(query.find_all(*BLIND)):
        # What stands in a subquery that was taken out is out, too.
        if node.parent is not None:
            node.replace(exp.null())
    return query, build_scope(query)


def _leaves(tree: Any, model: Any) -> Iterable[tuple[str, str]]:
    for node in tree.walk():
        table = None if node.downstream else node.expression.find(exp.Table)
        if table is not None:
            catalog = exp.to_table(model.fqn).catalog
            name = normalize_model_name(table, default_catalog=catalog, dialect=model.dialect)
            yield name, exp.to_column(node.name).name
