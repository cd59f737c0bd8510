"""What a part of a query looks like.

A query as its author wrote it has no types, only what casts and literals show; a rendered one has
those that SQLMesh derived. Every question here is answered from what can be seen, and "no" otherwise.
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlmesh.core.dialect import MacroFunc, MacroVar

Type = exp.DataType.Type

DATES = (exp.DateTrunc, exp.DateAdd, exp.DateSub, exp.DateFromUnixDate)
# A value goes through these as it is.
THROUGH = (exp.Paren, exp.Coalesce, exp.If, exp.Case, exp.Greatest, exp.Least, exp.Min, exp.Max)
# For these, the midnight of a day is as good as the day.
DAYS_SUFFICE = (
    exp.Predicate,
    exp.DateDiff,
    exp.Extract,
    exp.GenerateDateArray,
    exp.LastDay,
    exp.TsOrDsToDate,
    # What a macro makes of its argument is seen in the rendered query.
    MacroFunc,
)
# What both engines write and read alike.
FORMAT_ELEMENTS = re.compile(r"%[YmdHMSTFDbBaAhjyGVuwUWIp%]")
FORMAT_ELEMENT = re.compile(r"%(?:E[*\d]?.|-.|.)")


def type_of(node: exp.Expression) -> Type | None:
    """Return the type that is seen of ``node``."""
    node = node.unnest()
    if isinstance(node, exp.Cast):
        return node.to.this
    if isinstance(node, exp.Literal) and not node.is_string:
        return Type.DOUBLE if "." in node.name else Type.BIGINT
    if isinstance(node, (exp.Avg, exp.Div, exp.SafeDivide)) and not node.type:
        return Type.DOUBLE
    return node.type.this if node.type else None


def is_float(node: exp.Expression) -> bool:
    """Return whether ``node`` is seen to be a FLOAT64."""
    return type_of(node) in (Type.DOUBLE, Type.FLOAT)


def is_decimal(node: exp.Expression) -> bool:
    """Return whether ``node`` is seen to be a NUMERIC."""
    return type_of(node) in (Type.DECIMAL, Type.BIGDECIMAL)


def unit_of(node: exp.Expression) -> str:
    """Return the unit that a date function counts in, such as WEEK or WEEK(MONDAY)."""
    unit = node.this if isinstance(node, exp.Extract) else node.args.get("unit")
    if isinstance(unit, exp.WeekStart):
        return f"WEEK({unit.name.upper()})"
    return unit.name.upper() if unit else ""


def surrounding(node: exp.Expression, *through: type[exp.Expression]) -> exp.Expression | None:
    """Return what the value of ``node`` goes into, past what hands it on unchanged."""
    outer = node.parent
    while isinstance(outer, (*THROUGH, *through)):
        outer = outer.parent
    return outer


def is_cast_to(node: exp.Expression | None, *types: Type) -> bool:
    """Return whether ``node`` is a cast to one of ``types``."""
    return isinstance(node, exp.Cast) and node.to.this in types


def is_loose_date(node: exp.Expression) -> bool:
    """Return whether a day made by a function goes on without a cast to DATE."""
    outer = surrounding(node, *DATES)
    return not (is_cast_to(outer, Type.DATE) or isinstance(outer, DAYS_SUFFICE))


def is_loose_timestamp(node: exp.Expression) -> bool:
    """Return whether a moment made by a function goes on without a cast to TIMESTAMP."""
    outer = surrounding(node)
    return not (is_cast_to(outer, Type.TIMESTAMPTZ) or isinstance(outer, MacroFunc))


def is_constant(node: exp.Expression) -> bool:
    """Return whether ``node`` is known before the query runs."""
    node = node.unnest()
    if isinstance(node, exp.Cast):
        return is_constant(node.this)
    return isinstance(node, (exp.Literal, MacroVar))


def can_be_zero(divisor: exp.Expression) -> bool:
    """Return whether nothing is seen that keeps ``divisor`` from being 0."""
    divisor = divisor.unnest()
    if isinstance(divisor, exp.Cast):
        return can_be_zero(divisor.this)
    if isinstance(divisor, exp.Literal):
        return not float(divisor.name)
    return not isinstance(divisor, exp.Nullif)


def has_other_elements(node: exp.Expression) -> bool:
    """Return whether the format of a date function has elements that the engines do not share."""
    text = node.args.get("format")
    if not isinstance(text, exp.Literal):
        return False
    return any(not FORMAT_ELEMENTS.fullmatch(each) for each in FORMAT_ELEMENT.findall(text.name))
