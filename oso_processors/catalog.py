"""The catalogue: the first part of every table's full name, on BigQuery the project's id.

The embedded warehouse has a catalogue of the same name, so that models have the same fingerprints
and tables the same names on both. A warehouse that was built under one name cannot be read under
another: its views name their tables in full.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from oso_processors.errors import InvalidSetting, OtherCatalog

VARIABLE = "OSO_BIGQUERY_PROJECT"
DEFAULT = "oso"
BUILT_FOR = """
SELECT DISTINCT trim(regexp_extract(sql, '("[^"]+"|\\w+)\\._sm\\.', 1), '"') AS catalog
FROM duckdb_views() WHERE database_name = ? AND NOT internal AND sql LIKE '%._sm.%' ORDER BY 1
"""


def catalog_of(environ: Mapping[str, str]) -> str:
    """Return the catalogue that the environment names; raise `InvalidSetting`."""
    name = environ.get(VARIABLE) or DEFAULT
    if name != name.lower() or not name.replace("-", "").isalnum():
        raise InvalidSetting(VARIABLE, name, "is no project's id, such as 'my-project-123'")
    return name


def require_built_for(connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Raise `OtherCatalog` when the warehouse was built under another catalogue's name."""
    for (found,) in connection.execute(BUILT_FOR, [catalog]).fetchall():
        if found != catalog:
            raise OtherCatalog(found, catalog)
