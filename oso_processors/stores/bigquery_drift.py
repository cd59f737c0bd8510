"""Find what is there no more as it was published: tables, what readers see of them, and who may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.cloud.bigquery import TimePartitioning

from oso_processors import checksum
from oso_processors.bigquery import Reader
from oso_processors.stores import Manifest, Output, bigquery_access, drift
from oso_processors.stores import bigquery_shape as shape
from oso_processors.stores.bigquery_jobs import Jobs


def found(
    jobs: Jobs,
    place: shape.Place,
    release: Manifest,
    kinds: Mapping[str, shape.Kind],
    readers: Sequence[Reader] | None,
) -> list[str]:
    """Return a line for each difference; ``readers`` are None where they do not see ``release``."""
    lines = []
    for output in release.outputs("bigquery"):
        behind = jobs.table(place.behind(output))
        told = _of_table(output, behind)
        shown = behind
        if readers is not None:
            shown = jobs.table(place.public(output.name))
            told += _of_name(output, shown, kinds[output.name], release)
        if shown is not None:
            told += _of_rows(jobs, output, shown)
        lines += [f"{output.name}: {line}" for line in told]
    return lines + (bigquery_access.drift(jobs, place, readers) if readers is not None else [])


def _of_table(output: Output, table: Any) -> list[str]:
    if table is None:
        return [f"its table {shape.table_of(output)} is gone"]
    lines = []
    if table.num_rows != output.row_count:
        lines.append(f"its table has {table.num_rows:,} rows and not {output.row_count:,}")
    if _parts(table.time_partitioning) != _parts(shape.partitioning(output)):
        lines.append("its table is partitioned in another way")
    if (table.clustering_fields or None) != shape.clustering(output):
        lines.append("its table is clustered in another way")
    if table.expires is not None:
        lines.append(f"its table will be gone at {table.expires:%Y-%m-%d %H:%M} UTC")
    return lines


def _parts(partitioning: TimePartitioning | None) -> tuple[str, str | None] | None:
    return (partitioning.type_, partitioning.field) if partitioning else None


def _of_name(output: Output, shown: Any, kind: shape.Kind, release: Manifest) -> list[str]:
    if shown is None:
        return [f"the {kind} is gone"]
    is_view = shown.table_type == "VIEW"
    if is_view != (kind == "view"):
        return [f"is a {shown.table_type.lower()} and not a {kind}"]
    words = {each.name: each.description for each in shown.schema}
    lines = drift.of_columns(shape.columns(output), shape.named_types(shown.schema))
    lines += drift.of_words(shape.as_kept(output), shown.description, words)
    for key, value in shape.labels(output, release.id).items():
        if shown.labels.get(key) != value:
            lines.append(f"its label {key} is {shown.labels.get(key, 'gone')} and not {value}")
    if shown.expires is not None:
        lines.append(f"the {kind} will be gone at {shown.expires:%Y-%m-%d %H:%M} UTC")
    return lines


def _of_rows(jobs: Jobs, output: Output, shown: Any) -> list[str]:
    """Compare the rows; where a column is missing there is no checksum."""
    if not dict(shape.columns(output)).items() <= dict(shape.named_types(shown.schema)).items():
        return []
    name = shape.quoted(f"{shown.project}.{shown.dataset_id}.{shown.table_id}")
    [row] = jobs.query(checksum.bigquery_sql(output.table, name))
    return drift.of_rows(output, checksum.text(tuple(row)))
