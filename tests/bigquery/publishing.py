"""What the tests of BigQuery as a store publish, and how."""

from __future__ import annotations

from typing import Any

from tests.stores.conftest import COLUMNS

ALL = "SELECT * FROM everything"
FEWER = "SELECT * FROM everything WHERE id < 3"
NARROW: dict[str, Any] = {"query": "SELECT id, word FROM everything", "columns": COLUMNS[:2]}
VIEW = {"kind": "view", "partition_by": "day", "partition_unit": "month", "cluster_by": ["word"]}
COUNTS = "SELECT (SELECT COUNT(*) FROM published.small), (SELECT COUNT(*) FROM published.large)"
PUBLISHED = "oso-test.published"


def rows(client: Any, query: str) -> list[tuple[Any, ...]]:
    return [tuple(each) for each in client.query(query).result()]
