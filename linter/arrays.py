"""Idioms of arrays, structs and whole rows."""

from __future__ import annotations

from sqlglot import exp

from linter.idiom import Effect, Idiom

LISTED = "(SELECT ['a', 'b'] AS a) AS t"
QUARTERS = "(SELECT 'q1' AS q, 7 AS n)"

ARRAYS = (
    Idiom(
        name="WithOffset",
        what="WITH OFFSET",
        effect=Effect.DIFFERS,
        reason="it counts from 1 on DuckDB, from 0 on BigQuery",
        instead="`UNNEST(GENERATE_ARRAY(0, ARRAY_LENGTH(a) - 1)) AS i` and `a[SAFE_OFFSET(i)]`",
        nodes=(exp.Unnest,),
        matches=lambda node: bool(node.args.get("offset")),
        wrong=f"SELECT MIN(i) AS v FROM {LISTED}, UNNEST(t.a) AS x WITH OFFSET AS i",
        right=f"SELECT MIN(i) AS v FROM {LISTED}, UNNEST(GENERATE_ARRAY(0, ARRAY_LENGTH(t.a) - 1)) AS i",
        value=0,
    ),
    Idiom(
        name="ArrayIndex",
        what="OFFSET or ORDINAL",
        effect=Effect.PASSES,
        reason="beyond the end it is an error on BigQuery, NULL on DuckDB",
        instead="`a[SAFE_OFFSET(0)]`",
        nodes=(exp.Bracket,),
        matches=lambda node: node.args.get("safe") is False,
        wrong=f"SELECT t.a[OFFSET(5)] AS v FROM {LISTED}",
        right=f"SELECT t.a[SAFE_OFFSET(5)] AS v FROM {LISTED}",
        value=None,
    ),
    Idiom(
        name="AggregateIgnoringNulls",
        what="ARRAY_AGG with IGNORE NULLS",
        effect=Effect.DIFFERS,
        reason="DuckDB keeps the NULLs",
        instead="`WHERE NOT x IS NULL`",
        nodes=(exp.IgnoreNulls,),
        matches=lambda node: isinstance(node.this, exp.ArrayAgg),
        wrong="SELECT ARRAY_AGG(x IGNORE NULLS ORDER BY x) AS v FROM UNNEST([2, NULL, 1]) AS x",
        right="SELECT ARRAY_AGG(x ORDER BY x) AS v FROM UNNEST([2, NULL, 1]) AS x WHERE NOT x IS NULL",
        value=[1, 2],
    ),
    Idiom(
        name="AggregateWithLimit",
        what="LIMIT in ARRAY_AGG or STRING_AGG",
        effect=Effect.FAILS,
        reason="DuckDB cannot read it",
        instead="`ARRAY_AGG(x ORDER BY x)[SAFE_OFFSET(0)]`, or QUALIFY before",
        nodes=(exp.ArrayAgg, exp.GroupConcat, exp.ArrayConcatAgg),
        matches=lambda node: isinstance(node.this, exp.Limit),
        wrong="SELECT ARRAY_AGG(x ORDER BY x LIMIT 1)[SAFE_OFFSET(0)] AS v FROM UNNEST([2, 1]) AS x",
        right="SELECT ARRAY_AGG(x ORDER BY x)[SAFE_OFFSET(0)] AS v FROM UNNEST([2, 1]) AS x",
        value=1,
    ),
    Idiom(
        name="ArrayConcatAggregate",
        what="ARRAY_CONCAT_AGG",
        effect=Effect.FAILS,
        reason="DuckDB has no such function",
        instead="`ARRAY_AGG(x)` over `UNNEST(t.a) AS x`",
        nodes=(exp.ArrayConcatAgg,),
        wrong=f"SELECT ARRAY_CONCAT_AGG(t.a) AS v FROM {LISTED}",
        right=f"SELECT ARRAY_AGG(x ORDER BY x) AS v FROM {LISTED}, UNNEST(t.a) AS x",
        value=["a", "b"],
    ),
    Idiom(
        name="UnnestedStructs",
        what="UNNEST of an array of structs that is written out",
        effect=Effect.FAILS,
        reason="DuckDB loses the alias",
        instead="`SELECT 1 AS f UNION ALL SELECT 2 AS f`",
        nodes=(exp.Unnest,),
        matches=lambda node: (
            bool(node.args.get("alias"))
            and any(isinstance(each, exp.Struct) for each in node.expressions[0].expressions)
        ),
        wrong="SELECT SUM(x.f) AS v FROM UNNEST([STRUCT(1 AS f), STRUCT(2 AS f)]) AS x",
        right="SELECT SUM(x.f) AS v FROM (SELECT 1 AS f UNION ALL SELECT 2 AS f) AS x",
        value=3,
    ),
    Idiom(
        name="PivotAlias",
        what="an alias of the aggregate in PIVOT",
        effect=Effect.FAILS,
        reason="DuckDB puts it after the value's name, BigQuery before",
        instead="`PIVOT(SUM(n) FOR q IN ('q1' AS s_q1))`",
        nodes=(exp.Pivot,),
        matches=lambda node: (
            not node.args.get("unpivot")
            and any(isinstance(each, exp.Alias) for each in node.expressions)
        ),
        wrong=f"SELECT s_q1 AS v FROM {QUARTERS} PIVOT(SUM(n) AS s FOR q IN ('q1'))",
        right=f"SELECT s_q1 AS v FROM {QUARTERS} PIVOT(SUM(n) FOR q IN ('q1' AS s_q1))",
        value=7,
    ),
)
