"""Idioms of numbers."""

from __future__ import annotations

from decimal import Decimal

from sqlglot import exp

from linter.idiom import Effect, Idiom
from linter.shapes import Type, can_be_zero, is_decimal, is_float

ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod)
ROUNDED = (exp.Round, exp.Floor, exp.Ceil, exp.Trunc)


def is_bare_numeric(kind: exp.DataType) -> bool:
    """Return whether ``kind`` is a decimal that does not say how many digits it holds."""
    return kind.this in (Type.DECIMAL, Type.BIGDECIMAL) and not kind.expressions


def operands(node: exp.Expression) -> tuple[exp.Expression, ...]:
    """Return what is divided or averaged."""
    return (node.this,) if isinstance(node, exp.Avg) else (node.this, node.expression)


NUMBERS = (
    Idiom(
        name="BareNumeric",
        what="NUMERIC without precision and scale",
        effect=Effect.DIFFERS,
        reason="it holds three decimals on DuckDB (BIGNUMERIC five), nine or more on BigQuery",
        instead="`@decimal(x)`, and NUMERIC(38, 9) as a column's type",
        nodes=(exp.DataType,),
        matches=is_bare_numeric,
        unless="CastAsNumeric",
        wrong="SELECT SAFE_CAST('1.123456789' AS NUMERIC) AS v",
        right="SELECT @decimal('1.123456789') AS v",
        value=Decimal("1.123456789"),
    ),
    Idiom(
        name="CastAsNumeric",
        what="a cast to NUMERIC(p, s)",
        effect=Effect.DIFFERS,
        reason="BigQuery takes a precision in no cast, and SQLMesh drops it where a macro is rendered",
        instead="`@decimal(x)`",
        nodes=(exp.Cast,),
        matches=lambda node: is_decimal(node) and bool(node.to.expressions),
        only_by_hand=True,
        wrong="SELECT CAST(@IF(TRUE, '1.123456789', '') AS NUMERIC(38, 9)) AS v",
        right="SELECT @decimal(@IF(TRUE, '1.123456789', '')) AS v",
        value=Decimal("1.123456789"),
    ),
    Idiom(
        name="DecimalDivision",
        what="division or average of NUMERIC",
        effect=Effect.DIFFERS,
        reason="it is a FLOAT64 on DuckDB, a NUMERIC of nine decimals on BigQuery",
        instead="`@ratio(part, whole)` of whole numbers, or cast to FLOAT64 first",
        nodes=(exp.Div, exp.SafeDivide, exp.Avg),
        matches=lambda node: any(is_decimal(each) for each in operands(node)),
        wrong="SELECT SAFE_DIVIDE(@decimal(1), 3) AS v",
        right="SELECT @ratio(1, 3) AS v",
        value=Decimal("0.333333333"),
    ),
    Idiom(
        name="DivOfTerms",
        what="DIV of what is calculated",
        effect=Effect.DIFFERS,
        reason="SQLGlot writes `DIV(a + 1, b)` as `a + 1 // b`, and so divides only 1",
        instead="`DIV((a + 1), (b - 1))`, each part in parentheses",
        nodes=(exp.IntDiv,),
        matches=lambda node: (
            isinstance(node.this, ARITHMETIC) or isinstance(node.expression, ARITHMETIC)
        ),
        wrong="SELECT DIV(t.a + 1, 4) AS v FROM (SELECT 7 AS a) AS t",
        right="SELECT DIV((t.a + 1), 4) AS v FROM (SELECT 7 AS a) AS t",
        value=2,
    ),
    Idiom(
        name="TimesModulo",
        what="a number times or divided by MOD or DIV",
        effect=Effect.DIFFERS,
        reason="SQLGlot writes `2 * MOD(a, b)` as `2 * a % b`, and so takes the remainder of twice a",
        instead="`MOD(a, b) * 2`, or `2 * (MOD(a, b))`",
        nodes=(exp.Mul, exp.Div),
        matches=lambda node: isinstance(node.expression, (exp.Mod, exp.IntDiv)),
        wrong="SELECT 2 * MOD(t.a, 4) AS v FROM (SELECT 7 AS a) AS t",
        right="SELECT 2 * (MOD(t.a, 4)) AS v FROM (SELECT 7 AS a) AS t",
        value=6,
    ),
    Idiom(
        name="DivisionByZero",
        what="/, DIV or MOD by what may be 0",
        effect=Effect.PASSES,
        reason="it is an error on BigQuery, NULL or infinity on DuckDB",
        instead="`SAFE_DIVIDE(a, b)`, or `NULLIF(b, 0)` as the divisor",
        nodes=(exp.Div, exp.IntDiv, exp.Mod),
        matches=lambda node: can_be_zero(node.expression),
        wrong="SELECT DIV(t.a, t.b) AS v FROM (SELECT 1 AS a, 0 AS b) AS t",
        right="SELECT DIV(t.a, NULLIF(t.b, 0)) AS v FROM (SELECT 1 AS a, 0 AS b) AS t",
        value=None,
    ),
    Idiom(
        name="FloatAsInteger",
        what="CAST of FLOAT64 to INT64",
        effect=Effect.DIFFERS,
        reason="halves go to the even neighbour on DuckDB, away from 0 on BigQuery",
        instead="`CAST(ROUND(x) AS INT64)`",
        nodes=(exp.Cast,),
        matches=lambda node: (
            node.to.this == Type.BIGINT
            and is_float(node.this)
            and not isinstance(node.this.unnest(), (*ROUNDED, exp.Literal))
        ),
        wrong="SELECT CAST(CAST(t.s AS FLOAT64) AS INT64) AS v FROM (SELECT '2.5' AS s) AS t",
        right="SELECT CAST(ROUND(CAST(t.s AS FLOAT64)) AS INT64) AS v FROM (SELECT '2.5' AS s) AS t",
        value=3,
    ),
    Idiom(
        name="FractionAsText",
        what="CAST of FLOAT64 or NUMERIC to STRING",
        effect=Effect.DIFFERS,
        reason="1 is written '1.0' or '1.000000000' on DuckDB, '1' on BigQuery",
        instead="`CAST(CAST(ROUND(x) AS INT64) AS STRING)`; a fraction has no text in common",
        nodes=(exp.Cast,),
        matches=lambda node: (
            node.to.this == Type.TEXT and (is_float(node.this) or is_decimal(node.this))
        ),
        wrong="SELECT CAST(CAST(1 AS FLOAT64) AS STRING) AS v",
        right="SELECT CAST(CAST(ROUND(CAST(1 AS FLOAT64)) AS INT64) AS STRING) AS v",
        value="1",
    ),
    Idiom(
        name="ApproximateAggregate",
        what="APPROX_ aggregate",
        effect=Effect.DIFFERS,
        reason="every engine approximates otherwise, so the published number is nobody's to check",
        instead="`COUNT(DISTINCT x)`, `@percentile(x, 50)` or GROUP BY with LIMIT",
        nodes=(exp.ApproxDistinct, exp.ApproxQuantiles, exp.ApproxTopK, exp.ApproxTopSum),
        wrong="SELECT APPROX_COUNT_DISTINCT(x) AS v FROM UNNEST(GENERATE_ARRAY(1, 3000)) AS x",
        right="SELECT COUNT(DISTINCT x) AS v FROM UNNEST(GENERATE_ARRAY(1, 3000)) AS x",
        value=3000,
    ),
    Idiom(
        name="CountIf",
        what="COUNTIF",
        effect=Effect.DIFFERS,
        reason="where no row is known to be true or false it is NULL on DuckDB, 0 on BigQuery",
        instead="`COUNT(IF(x, 1, NULL))`",
        nodes=(exp.CountIf,),
        wrong="SELECT COUNTIF(t.s = 'a') AS v FROM (SELECT CAST(NULL AS STRING) AS s) AS t",
        right="SELECT COUNT(IF(t.s = 'a', 1, NULL)) AS v"
        " FROM (SELECT CAST(NULL AS STRING) AS s) AS t",
        value=0,
    ),
    Idiom(
        name="HllCount",
        what="HLL_COUNT",
        effect=Effect.FAILS,
        reason="DuckDB has no such sketches",
        instead="`COUNT(DISTINCT x)`",
        nodes=(exp.Dot,),
        matches=lambda node: (
            isinstance(node.expression, exp.Anonymous) and node.this.name.upper() == "HLL_COUNT"
        ),
        wrong="SELECT HLL_COUNT.EXTRACT(HLL_COUNT.INIT(x)) AS v FROM UNNEST([7, 8]) AS x",
        right="SELECT COUNT(DISTINCT x) AS v FROM UNNEST([7, 8]) AS x",
        value=2,
    ),
    Idiom(
        name="SafeArithmetic",
        what="SAFE_ADD, SAFE_SUBTRACT, SAFE_MULTIPLY or SAFE_NEGATE",
        effect=Effect.FAILS,
        reason="DuckDB has none of them",
        instead="`+`, `-` and `*`, of `@decimal(x)` where INT64 may overflow",
        nodes=(exp.SafeAdd, exp.SafeSubtract, exp.SafeMultiply, exp.SafeNegate),
        wrong="SELECT SAFE_ADD(1, 2) AS v",
        right="SELECT 1 + 2 AS v",
        value=3,
    ),
    Idiom(
        name="ParseNumeric",
        what="PARSE_NUMERIC",
        effect=Effect.FAILS,
        reason="DuckDB has no such function",
        instead="`@decimal(x)`",
        nodes=(exp.ParseNumeric, exp.ParseBignumeric),
        wrong="SELECT PARSE_NUMERIC('1.5') AS v",
        right="SELECT @decimal('1.5') AS v",
        value=Decimal("1.5"),
    ),
    Idiom(
        name="IeeeDivide",
        what="IEEE_DIVIDE",
        effect=Effect.FAILS,
        reason="DuckDB has no such function",
        instead="`SAFE_DIVIDE(a, b)`",
        nodes=(exp.Anonymous,),
        matches=lambda node: node.name.upper() == "IEEE_DIVIDE",
        wrong="SELECT IEEE_DIVIDE(1, 4) AS v",
        right="SELECT SAFE_DIVIDE(1, 4) AS v",
        value=0.25,
    ),
    Idiom(
        name="RangeBucket",
        what="RANGE_BUCKET",
        effect=Effect.FAILS,
        reason="DuckDB has no such function",
        instead="`CASE WHEN x < 10 THEN 0 WHEN x < 20 THEN 1 … END`",
        nodes=(exp.RangeBucket,),
        wrong="SELECT RANGE_BUCKET(15, [10, 20]) AS v",
        right="SELECT CASE WHEN 15 < 10 THEN 0 WHEN 15 < 20 THEN 1 ELSE 2 END AS v",
        value=1,
    ),
)
