"""What a table is in BigQuery: its types, its words, its views, and the one transaction that publishes.

All of it is text and plain objects put together beforehand; nothing here reaches BigQuery.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from google.cloud.bigquery import SchemaField, TimePartitioning

from oso_processors import checksum
from oso_processors.stores import Output, bigquery_measuring
from oso_processors.tables import Column

Kind = Literal["table", "view"]
TYPES = {
    "text": "STRING",
    "whole": "INT64",
    "boolean": "BOOL",
    "date": "DATE",
    "moment": "TIMESTAMP",
    "texts": "STRING",
}
# As the API tells them.
OLD_NAMES = {"INTEGER": "INT64", "BOOLEAN": "BOOL", "FLOAT": "FLOAT64"}
NUMERIC_SCALE, NUMERIC_WHOLE = 9, 29
# What BigQuery keeps of a description, in characters.
TABLE_WORDS, COLUMN_WORDS = 16_384, 1_024
MADE_BY = {"made_by": "oso_processors"}
# Bytes up to which the rows of an output are copied at each release that changes them.
SMALL = 1 << 30
TABLE = re.compile(r".+__[0-9a-f]{12}")
RELEASES = (
    SchemaField("number", "INT64"),
    SchemaField("token", "STRING"),
    SchemaField("manifest", "STRING"),
    SchemaField("kinds", "STRING"),
    SchemaField("is_served", "BOOL"),
    SchemaField("is_tidy", "BOOL"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """The two datasets: what readers see, and what is behind it."""

    project: str
    dataset: str

    @property
    def store(self) -> str:
        """The dataset of the tables that hold the rows."""
        return f"{self.dataset}_store"

    @property
    def releases(self) -> str:
        """The table that says which release is served."""
        return f"{self.project}.{self.store}._releases"

    def public(self, name: str) -> str:
        """Return where readers find an output."""
        return f"{self.project}.{self.dataset}.{name}"

    def behind(self, output: Output) -> str:
        """Return the table that holds the rows of an output, named for its content."""
        return f"{self.project}.{self.store}.{table_of(output)}"


def table_of(output: Output) -> str:
    """Return the name of the table that holds the rows of an output."""
    return f"{output.name}__{output.digest[:12]}"


def quoted(name: str) -> str:
    """Return a name, or the parts of one, as SQL has it."""
    return ".".join(f"`{part}`" for part in name.split("."))


def text(value: str) -> str:
    """Return a text as SQL has it; BigQuery reads JSON's escapes."""
    return json.dumps(value, ensure_ascii=False)


def type_of(column: Column, table: str) -> str:
    """Return the type of one value of a column."""
    kind = checksum.kind(column, table)
    if kind != "decimal":
        return TYPES[kind]
    found = checksum.DECIMAL.fullmatch(column.type)
    precision, scale = (int(found[1]), int(found[2])) if found else (38, 9)
    is_small = scale <= NUMERIC_SCALE and precision - scale <= NUMERIC_WHOLE
    return "NUMERIC" if is_small else "BIGNUMERIC"


def schema(output: Output) -> list[SchemaField]:
    """Return the columns as a load job wants them."""
    return [_field(each, output.name) for each in output.table.columns]


def columns(output: Output) -> list[tuple[str, str]]:
    """Return the names and types of an output's columns."""
    return named_types(schema(output))


def named_types(fields: Iterable[SchemaField]) -> list[tuple[str, str]]:
    """Return names and types as SQL says them, without precision, which a view does not keep."""
    found = []
    for field in fields:
        kind = OLD_NAMES.get(field.field_type, field.field_type)
        found.append((field.name, f"ARRAY<{kind}>" if field.mode == "REPEATED" else kind))
    return found


def typed(field: SchemaField) -> str:
    """Return a column's type as SQL says it, with its precision where the table has one."""
    [(_, kind)] = named_types([field])
    return f"{kind}({field.precision}, {field.scale or 0})" if field.precision else kind


def retyped(before: Output, after: Output) -> dict[str, tuple[str, str]]:
    """Return the columns that have another type in each, with both types."""
    here = dict(columns(before))
    return {
        name: (here[name], kind) for name, kind in columns(after) if here.get(name, kind) != kind
    }


def is_grown(before: Output, after: Output) -> bool:
    """Whether the columns are those of before and perhaps more at the end: a table can just get them."""
    here = columns(before)
    return columns(after)[: len(here)] == here


def _field(column: Column, table: str) -> SchemaField:
    kind, found = type_of(column, table), checksum.DECIMAL.fullmatch(column.type)
    is_list = checksum.kind(column, table) == "texts"
    resource = {
        "name": column.name,
        "type": kind,
        "mode": "REPEATED" if is_list else "NULLABLE",
        "description": cut(column.description, COLUMN_WORDS),
    }
    digits = {"precision": found[1], "scale": found[2]} if found else {}
    return SchemaField.from_api_repr({**resource, **digits})


def cut(words: str, limit: int) -> str:
    """Return as many of the words as BigQuery keeps."""
    return words if len(words) <= limit else f"{words[: limit - 1]}…"


def as_kept(output: Output) -> Output:
    """Return ``output`` with as many of its words as BigQuery keeps."""
    columns = tuple(
        replace(each, description=cut(each.description, COLUMN_WORDS))
        for each in output.table.columns
    )
    description = cut(output.table.description, TABLE_WORDS)
    return replace(output, table=replace(output.table, columns=columns, description=description))


def labels(output: Output, release: str) -> dict[str, str]:
    """Return what the table is labelled with, in the letters that BigQuery takes."""
    about = {key: output.about[key] for key in ("tier", "owner", "licence") if key in output.about}
    return {**MADE_BY, "release": release, **{key: label(value) for key, value in about.items()}}


def label(value: str) -> str:
    """Return a value in the letters that a label may have."""
    return re.sub(r"[^a-z0-9_-]", "_", value.lower())[:63]


def options(output: Output) -> Mapping[str, Any]:
    """Return what the processor says for BigQuery."""
    return output.options.get("bigquery", {})


def partitioning(output: Output) -> TimePartitioning | None:
    """Return how the rows are partitioned."""
    column = options(output).get("partition_by")
    if column is None:
        return None
    return TimePartitioning(type_=options(output)["partition_unit"].upper(), field=column)


def clustering(output: Output) -> list[str] | None:
    """Return the columns that the rows are clustered by."""
    return list(options(output).get("cluster_by", ())) or None


def kind_of(output: Output, now: Kind | None, byte_count: int) -> Kind:
    """Return how readers see an output: as it is now, as declared, or by its size."""
    said = options(output)
    if now is not None:
        return now
    declared: Kind | None = said.get("kind")
    if declared is not None:
        return declared
    return "view" if said.get("partition_by") or byte_count > SMALL else "table"


# What readers see.


def plain_view(place: Place, output: Output) -> str:
    """Return the query of a view on an output's rows."""
    return f"SELECT {_listed(output)} FROM {quoted(place.behind(output))}"


def squeezed(query: str) -> str:
    """Return a query without what may be written otherwise."""
    return re.sub(r"[\s`]+", "", query)


def grain_is_unique(output: Output, name: str) -> str:
    """Return the query that says whether no two rows have one grain, and none has a NULL in it."""
    return bigquery_measuring.is_unique(quoted(name), output.table.grain)


def guarded_view(place: Place, before: Output, after: Output, token: str) -> str:
    """Return the query of a view that shows ``after`` from the moment that its release is served.

    It has the columns of both, which must be of one type in both.
    """
    here, there = dict(columns(before)), dict(columns(after))
    every = {**here, **there}
    is_served = (
        f"EXISTS (SELECT 1 FROM {quoted(place.releases)} WHERE is_served AND token = {text(token)})"
    )
    sides = [
        f"SELECT {_filled(every, has)} FROM {quoted(place.behind(output))} WHERE {condition}"
        for output, has, condition in (
            (before, here, f"NOT {is_served}"),
            (after, there, is_served),
        )
    ]
    return " UNION ALL ".join(sides)


def _filled(every: Mapping[str, str], has: Mapping[str, str]) -> str:
    return ", ".join(
        f"`{name}`" if name in has else f"CAST(NULL AS {kind}) AS `{name}`"
        for name, kind in every.items()
    )


def _listed(output: Output) -> str:
    return ", ".join(f"`{each.name}`" for each in output.table.columns)


def create_view(name: str, output: Output, found_labels: Mapping[str, str], query: str) -> str:
    """Return the statement that makes or replaces a view."""
    return (
        f"CREATE OR REPLACE VIEW {quoted(name)}"
        f" OPTIONS (description = {text(cut(output.table.description, TABLE_WORDS))},"
        f" labels = {_pairs(found_labels)}) AS {query}"
    )


def create_table(place: Place, name: str, output: Output, found_labels: Mapping[str, str]) -> str:
    """Return the statement that makes or replaces a table with an output's rows."""
    return (
        f"CREATE OR REPLACE TABLE {quoted(name)}{_clustered(output)}"
        f" OPTIONS (description = {text(cut(output.table.description, TABLE_WORDS))},"
        f" labels = {_pairs(found_labels)}) AS {plain_view(place, output)}"
    )


def make_table(place: Place, output: Output, query: str) -> str:
    """Return the statement that makes the table behind an output with the rows of ``query``, laid out as
    a load would."""
    fields = ", ".join(f"`{each.name}` {typed(each)}" for each in schema(output))
    layout = f"{_partitioned(output)}{_clustered(output)}"
    return f"CREATE TABLE {quoted(place.behind(output))} ({fields}){layout} AS {query}"


def _clustered(output: Output) -> str:
    by = clustering(output)
    return f" CLUSTER BY {', '.join(f'`{each}`' for each in by)}" if by else ""


def _partitioned(output: Output) -> str:
    found = partitioning(output)
    if found is None:
        return ""
    kinds = {each.name: each.field_type for each in schema(output)}
    if kinds[found.field] == "TIMESTAMP":
        return f" PARTITION BY TIMESTAMP_TRUNC(`{found.field}`, {found.type_})"
    is_day = found.type_ == "DAY"
    return f" PARTITION BY {f'`{found.field}`' if is_day else f'DATE_TRUNC(`{found.field}`, {found.type_})'}"


def _pairs(found: Mapping[str, str]) -> str:
    return f"[{', '.join(f'({text(key)}, {text(value)})' for key, value in found.items())}]"


def commit(place: Place, copied: Sequence[Output]) -> str:
    """Return the transaction that lets readers see a release: rows, and which one is served.

    Its parameters are those of a row of `_releases`, and `before`, the token of what is served now.
    """
    releases = quoted(place.releases)
    rows = []
    for output in copied:
        name, listed = quoted(place.public(output.name)), _listed(output)
        rows += [
            f"TRUNCATE TABLE {name}",
            f"INSERT INTO {name} ({listed}) {plain_view(place, output)}",
        ]
    statements = [
        "BEGIN TRANSACTION",
        f"ASSERT IFNULL((SELECT MAX(token) FROM {releases} WHERE is_served), '') = @before"
        " AS 'another release was published meanwhile'",
        *rows,
        f"DELETE FROM {releases} WHERE number = @number OR token = @token",
        f"UPDATE {releases} SET is_served = FALSE WHERE is_served",
        f"INSERT INTO {releases} (number, token, manifest, kinds, is_served, is_tidy)"
        " VALUES (@number, @token, @manifest, @kinds, TRUE, FALSE)",
        "COMMIT TRANSACTION",
    ]
    return ";\n".join(statements) + ";"
