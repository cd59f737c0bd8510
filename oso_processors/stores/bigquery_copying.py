"""Fill a table of the store from what a model has in BigQuery, without a row leaving it.

A copy job costs nothing to read and carries a table over as it is. Where the output is another table than
the model's (fewer columns, another layout, a view, texts with NUL characters) one statement makes it.
"""

from __future__ import annotations

from typing import Any

from oso_processors.stores import Output, bigquery_measuring
from oso_processors.stores import bigquery_shape as shape
from oso_processors.stores.bigquery_jobs import Jobs
from oso_processors.stores.bigquery_tables import BigQueryTable


def fill(jobs: Jobs, place: shape.Place, output: Output, source: BigQueryTable, name: str) -> None:
    """Fill the table behind ``output`` from ``source`` by the job ``name``."""
    target = place.behind(output)
    if is_the_same(output, source.place, jobs.table(source.place)):
        jobs.copy(source.place, target, name)
        return
    query = bigquery_measuring.rows(output.table, output.table.query)
    jobs.make(shape.make_table(place, output, query), target, name)


def is_the_same(output: Output, place: str, found: Any) -> bool:
    """Say whether the table ``found`` at ``place`` is the one to be published: rows, columns and layout."""
    if found is None or found.table_type != "TABLE" or output.nul_count:
        return False
    wanted = shape.schema(output)
    layout = (shape.partitioning(output), shape.clustering(output))
    return (
        output.table.query == plain_query(place, [each.name for each in wanted])
        and [_column(each) for each in found.schema] == [_column(each) for each in wanted]
        and (found.time_partitioning, found.clustering_fields) == layout
    )


def plain_query(place: str, columns: list[str]) -> str:
    """Return the query of the columns of a table, in DuckDB's SQL, as the warehouse says it."""
    project, dataset, name = place.split(".")
    listed = ", ".join(f'"{each}"' for each in columns)
    return f'SELECT {listed} FROM "{project}"."{dataset}"."{name}"'


def _column(field: Any) -> tuple[str, str]:
    return field.name, f"{shape.typed(field)} {field.mode}"
