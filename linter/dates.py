"""Idioms of days and moments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from sqlglot import exp

from linter.idiom import Effect, Idiom
from linter.shapes import (
    DATES,
    Type,
    has_other_elements,
    is_constant,
    is_loose_date,
    is_loose_timestamp,
    type_of,
    unit_of,
)

TRUNCATIONS = (exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc)
DAY = "(SELECT DATE '2024-01-07' AS d) AS t"
MOMENT = "(SELECT TIMESTAMP '2024-01-07 01:00:05.678+00' AS d) AS t"
TWO_MOMENTS = """(
  SELECT TIMESTAMP '2024-01-02 01:00:00+00' AS a, TIMESTAMP '2024-01-01 02:00:00+00' AS b
) AS t"""

DATES_AND_TIMES = (
    Idiom(
        name="DateWithoutCast",
        what="DATE_TRUNC, DATE_ADD, DATE_SUB or DATE_FROM_UNIX_DATE without a cast",
        effect=Effect.DIFFERS,
        reason="it is a TIMESTAMP on DuckDB",
        instead="`CAST(DATE_ADD(…) AS DATE)`",
        nodes=DATES,
        matches=is_loose_date,
        wrong=f"SELECT DATE_ADD(t.d, INTERVAL 1 DAY) AS v FROM {DAY}",
        right=f"SELECT CAST(DATE_ADD(t.d, INTERVAL 1 DAY) AS DATE) AS v FROM {DAY}",
        value=date(2024, 1, 8),
    ),
    Idiom(
        name="BareWeek",
        what="WEEK without its first day",
        effect=Effect.DIFFERS,
        reason="it begins on Monday on DuckDB, on Sunday on BigQuery",
        instead="`CAST(DATE_TRUNC(d, WEEK(MONDAY)) AS DATE)`; for its number"
        " `CAST(FORMAT_DATE('%V', d) AS INT64)`",
        nodes=(*TRUNCATIONS, exp.Extract),
        matches=lambda node: unit_of(node) == "WEEK",
        wrong=f"SELECT CAST(DATE_TRUNC(t.d, WEEK) AS DATE) AS v FROM {DAY}",
        right=f"SELECT CAST(DATE_TRUNC(t.d, WEEK(SUNDAY)) AS DATE) AS v FROM {DAY}",
        value=date(2024, 1, 7),
    ),
    Idiom(
        name="WeekOfMoment",
        what="WEEK(…) in TIMESTAMP_TRUNC, DATETIME_TRUNC or EXTRACT",
        effect=Effect.FAILS,
        reason="only DATE_TRUNC and DATE_DIFF know it on DuckDB",
        instead="`CAST(DATE_TRUNC(CAST(x AS DATE), WEEK(MONDAY)) AS DATE)`",
        nodes=(exp.TimestampTrunc, exp.DatetimeTrunc, exp.Extract),
        matches=lambda node: unit_of(node).startswith("WEEK("),
        wrong=f"SELECT CAST(TIMESTAMP_TRUNC(t.d, WEEK(MONDAY)) AS DATE) AS v FROM {MOMENT}",
        right=f"SELECT CAST(DATE_TRUNC(CAST(t.d AS DATE), WEEK(MONDAY)) AS DATE) AS v FROM {MOMENT}",
        value=date(2024, 1, 1),
    ),
    Idiom(
        name="IsoWeek",
        what="ISOWEEK",
        effect=Effect.FAILS,
        reason="DuckDB knows no such unit outside DATE_DIFF",
        instead="`CAST(DATE_TRUNC(d, WEEK(MONDAY)) AS DATE)`; for its number"
        " `CAST(FORMAT_DATE('%V', d) AS INT64)`",
        nodes=(*TRUNCATIONS, exp.Extract),
        matches=lambda node: unit_of(node) == "ISOWEEK",
        wrong=f"SELECT EXTRACT(ISOWEEK FROM t.d) AS v FROM {DAY}",
        right=f"SELECT CAST(FORMAT_DATE('%V', t.d) AS INT64) AS v FROM {DAY}",
        value=1,
    ),
    Idiom(
        name="LastDayOfWeek",
        what="LAST_DAY of a week",
        effect=Effect.DIFFERS,
        reason="it is another day on DuckDB, the month's last with WEEK(…)",
        instead="`CAST(DATE_ADD(DATE_TRUNC(d, WEEK(MONDAY)), INTERVAL 6 DAY) AS DATE)`",
        nodes=(exp.LastDay,),
        matches=lambda node: "WEEK" in unit_of(node),
        wrong=f"SELECT LAST_DAY(t.d, WEEK(MONDAY)) AS v FROM {DAY}",
        right="SELECT CAST(DATE_ADD(DATE_TRUNC(t.d, WEEK(MONDAY)), INTERVAL 6 DAY) AS DATE) AS v"
        f" FROM {DAY}",
        value=date(2024, 1, 7),
    ),
    Idiom(
        name="DayOfWeek",
        what="EXTRACT(DAYOFWEEK FROM …)",
        effect=Effect.DIFFERS,
        reason="Sunday is 0 on DuckDB, 1 on BigQuery",
        instead="`MOD(DATE_DIFF(d, DATE '2023-12-31', DAY), 7) + 1`",
        nodes=(exp.Extract,),
        matches=lambda node: unit_of(node) == "DAYOFWEEK",
        wrong=f"SELECT EXTRACT(DAYOFWEEK FROM t.d) AS v FROM {DAY}",
        right=f"SELECT MOD(DATE_DIFF(t.d, DATE '2023-12-31', DAY), 7) + 1 AS v FROM {DAY}",
        value=1,
    ),
    Idiom(
        name="DateMinusDate",
        what="a date minus a date",
        effect=Effect.DIFFERS,
        reason="it is a number of days on DuckDB, an INTERVAL on BigQuery",
        instead="`DATE_DIFF(a, b, DAY)`",
        nodes=(exp.Sub,),
        matches=lambda node: (
            type_of(node.this) == Type.DATE and type_of(node.expression) == Type.DATE
        ),
        wrong="SELECT CAST(CAST(t.s AS DATE) - DATE '2024-01-01' AS STRING) AS v"
        " FROM (SELECT '2024-01-07' AS s) AS t",
        right="SELECT CONCAT('0-0 ', CAST(DATE_DIFF(t.d, DATE '2024-01-01', DAY) AS STRING),"
        f" ' 0:0:0') AS v FROM {DAY}",
        value="0-0 6 0:0:0",
    ),
    Idiom(
        name="TimestampDiff",
        what="the difference of two TIMESTAMPs in a unit above MICROSECOND",
        effect=Effect.DIFFERS,
        reason="DuckDB counts the boundaries between the moments, BigQuery the whole units",
        instead="`DIV((UNIX_MICROS(a) - UNIX_MICROS(b)), 3600000000)` for hours",
        nodes=(exp.TimestampDiff, exp.DateDiff),
        matches=lambda node: (
            unit_of(node) != "MICROSECOND"
            and (isinstance(node, exp.TimestampDiff) or type_of(node.this) == Type.TIMESTAMPTZ)
        ),
        wrong=f"SELECT TIMESTAMP_DIFF(t.a, t.b, DAY) AS v FROM {TWO_MOMENTS}",
        right="SELECT DIV((UNIX_MICROS(t.a) - UNIX_MICROS(t.b)), 86400000000) AS v"
        f" FROM {TWO_MOMENTS}",
        value=0,
    ),
    Idiom(
        name="TruncatedConstant",
        what="TIMESTAMP_TRUNC of a constant",
        effect=Effect.DIFFERS,
        reason="SQLMesh works it out before any engine sees it, and leaves the time of day",
        instead="`CAST(CAST(@start_ts AS DATE) AS TIMESTAMP)`",
        nodes=(exp.TimestampTrunc,),
        matches=lambda node: is_constant(node.this),
        wrong="SELECT TIMESTAMP_TRUNC(TIMESTAMP '2024-01-07 01:00:00+00', DAY) AS v",
        right="SELECT CAST(CAST(TIMESTAMP '2024-01-07 01:00:00+00' AS DATE) AS TIMESTAMP) AS v",
        value=datetime(2024, 1, 7, tzinfo=UTC),
    ),
    Idiom(
        name="ParseTimestamp",
        what="PARSE_TIMESTAMP without a cast",
        effect=Effect.DIFFERS,
        reason="it has no time zone on DuckDB",
        instead="`CAST(PARSE_TIMESTAMP(…) AS TIMESTAMP)`",
        nodes=(exp.StrToTime,),
        matches=is_loose_timestamp,
        wrong="SELECT PARSE_TIMESTAMP('%d/%m/%Y %T', '07/01/2024 01:02:03') AS v",
        right="SELECT CAST(PARSE_TIMESTAMP('%d/%m/%Y %T', '07/01/2024 01:02:03') AS TIMESTAMP) AS v",
        value=datetime(2024, 1, 7, 1, 2, 3, tzinfo=UTC),
    ),
    Idiom(
        name="MomentAsText",
        what="CAST of TIMESTAMP or DATETIME to STRING",
        effect=Effect.DIFFERS,
        reason="a fraction of a second has as few digits as it needs on DuckDB, three or six on BigQuery",
        instead="`FORMAT_TIMESTAMP('%F %T', x)`",
        nodes=(exp.Cast,),
        matches=lambda node: (
            node.to.this == Type.TEXT
            and type_of(node.this) in (Type.TIMESTAMPTZ, Type.TIMESTAMP, Type.DATETIME)
        ),
        wrong="SELECT CAST(TIMESTAMP '2024-01-07 01:02:03.5+00' AS STRING) AS v",
        right="SELECT CONCAT(FORMAT_TIMESTAMP('%F %T', TIMESTAMP '2024-01-07 01:02:03.5+00'),"
        " '.500+00') AS v",
        value="2024-01-07 01:02:03.500+00",
    ),
    Idiom(
        name="TimestampOfEpoch",
        what="TIMESTAMP_MILLIS or TIMESTAMP_MICROS without a cast",
        effect=Effect.DIFFERS,
        reason="it has no time zone on DuckDB",
        instead="`CAST(TIMESTAMP_MILLIS(x) AS TIMESTAMP)`",
        nodes=(exp.UnixToTime,),
        matches=lambda node: node.args.get("scale") is not None and is_loose_timestamp(node),
        wrong="SELECT TIMESTAMP_MILLIS(1000) AS v",
        right="SELECT CAST(TIMESTAMP_MILLIS(1000) AS TIMESTAMP) AS v",
        value=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
    ),
    Idiom(
        name="UnixSeconds",
        what="UNIX_SECONDS of a moment with a fraction",
        effect=Effect.DIFFERS,
        reason="DuckDB rounds to the nearest second, BigQuery down",
        instead="`UNIX_SECONDS(TIMESTAMP_TRUNC(x, SECOND))`",
        nodes=(exp.UnixSeconds,),
        matches=lambda node: not (isinstance(node.this, exp.TimestampTrunc) and unit_of(node.this)),
        wrong=f"SELECT UNIX_SECONDS(t.d) AS v FROM {MOMENT}",
        right=f"SELECT UNIX_SECONDS(TIMESTAMP_TRUNC(t.d, SECOND)) AS v FROM {MOMENT}",
        value=1704589205,
    ),
    Idiom(
        name="FractionOfSecond",
        what="EXTRACT of MILLISECOND or MICROSECOND",
        effect=Effect.DIFFERS,
        reason="DuckDB adds the whole seconds",
        instead="`MOD(EXTRACT(MILLISECOND FROM x), 1000)`",
        nodes=(exp.Extract,),
        matches=lambda node: (
            unit_of(node) in ("MILLISECOND", "MICROSECOND") and not isinstance(node.parent, exp.Mod)
        ),
        wrong=f"SELECT EXTRACT(MILLISECOND FROM t.d) AS v FROM {MOMENT}",
        right=f"SELECT MOD(EXTRACT(MILLISECOND FROM t.d), 1000) AS v FROM {MOMENT}",
        value=678,
    ),
    Idiom(
        name="ExtractedDate",
        what="EXTRACT of DATE or TIME",
        effect=Effect.FAILS,
        reason="DuckDB knows no such parts",
        instead="`CAST(x AS DATE)`",
        nodes=(exp.Extract,),
        matches=lambda node: unit_of(node) in ("DATE", "TIME"),
        wrong=f"SELECT EXTRACT(DATE FROM t.d) AS v FROM {MOMENT}",
        right=f"SELECT CAST(t.d AS DATE) AS v FROM {MOMENT}",
        value=date(2024, 1, 7),
    ),
    Idiom(
        name="FormatElement",
        what="a format element that the engines do not share",
        effect=Effect.DIFFERS,
        reason="DuckDB refuses it or writes it otherwise",
        instead="one of %Y %m %d %H %M %S %F %T %D %y %b %B %h %a %A %j %G %V %u %w %U %W %I %p",
        nodes=(exp.TimeToStr, exp.StrToTime, exp.StrToDate),
        matches=has_other_elements,
        wrong=f"SELECT FORMAT_DATE('%e', t.d) AS v FROM {DAY}",
        right=f"SELECT CONCAT(' ', CAST(EXTRACT(DAY FROM t.d) AS STRING)) AS v FROM {DAY}",
        value=" 7",
    ),
    Idiom(
        name="ParsedIsoDate",
        what="%F or %Y-%m-%d in PARSE_DATE or PARSE_TIMESTAMP",
        effect=Effect.PASSES,
        reason="SQLMesh writes both as %F, which GoogleSQL formats and does not parse",
        instead="`CAST(s AS DATE)`, `CAST(s AS TIMESTAMP)`, or SAFE_CAST",
        nodes=(exp.StrToTime, exp.StrToDate),
        matches=lambda node: "%Y-%m-%d" in node.text("format"),
        wrong="SELECT PARSE_DATE('%Y-%m-%d', '2024-01-07') AS v",
        right="SELECT CAST('2024-01-07' AS DATE) AS v",
        value=date(2024, 1, 7),
    ),
    Idiom(
        name="ParseDatetime",
        what="PARSE_DATETIME",
        effect=Effect.FAILS,
        reason="DuckDB has no such function",
        instead="`CAST(CAST(PARSE_TIMESTAMP(…) AS TIMESTAMP) AS DATETIME)`",
        nodes=(exp.ParseDatetime,),
        wrong="SELECT PARSE_DATETIME('%d/%m/%Y %T', '07/01/2024 01:02:03') AS v",
        right="SELECT CAST(CAST(PARSE_TIMESTAMP('%d/%m/%Y %T', '07/01/2024 01:02:03') AS TIMESTAMP)"
        " AS DATETIME) AS v",
        value=datetime(2024, 1, 7, 1, 2, 3),
    ),
    Idiom(
        name="CurrentDatetime",
        what="CURRENT_DATETIME",
        effect=Effect.FAILS,
        reason="DuckDB has no such function, and what runs again should give the same",
        instead="`@execution_ts`, or `CAST(CURRENT_TIMESTAMP() AS DATETIME)`",
        nodes=(exp.CurrentDatetime,),
        wrong="SELECT CURRENT_DATETIME() > DATETIME '2024-01-01 00:00:00' AS v",
        right="SELECT CAST(CURRENT_TIMESTAMP() AS DATETIME) > DATETIME '2024-01-01 00:00:00' AS v",
        value=True,
    ),
    Idiom(
        name="TimeOfMoment",
        what="TIME(…) of a TIMESTAMP",
        effect=Effect.FAILS,
        reason="DuckDB casts no TIMESTAMP to TIME",
        instead="`CAST(CAST(x AS DATETIME) AS TIME)`",
        nodes=(exp.TsOrDsToTime,),
        matches=lambda node: not isinstance(node.parent, exp.TimeToStr),
        wrong="SELECT TIME(t.d) AS v FROM (SELECT TIMESTAMP '2024-01-07 01:00:00+00' AS d) AS t",
        right="SELECT CAST(CAST(t.d AS DATETIME) AS TIME) AS v"
        " FROM (SELECT TIMESTAMP '2024-01-07 01:00:00+00' AS d) AS t",
        value=time(1),
    ),
    Idiom(
        name="TimeTrunc",
        what="TIME_TRUNC",
        effect=Effect.FAILS,
        reason="DuckDB has no such function",
        instead="`TIME(EXTRACT(HOUR FROM x), 0, 0)`",
        nodes=(exp.TimeTrunc,),
        wrong="SELECT TIME_TRUNC(TIME '01:02:03', HOUR) AS v",
        right="SELECT TIME(EXTRACT(HOUR FROM TIME '01:02:03'), 0, 0) AS v",
        value=time(1),
    ),
)
