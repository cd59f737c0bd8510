"""What the tests of BigQuery as a store publish, and how."""

from __future__ import annotations

from typing import Any

from oso_processors.stores import Manifest, Output
from tests.stores.conftest import COLUMNS, manifest

ALL = "SELECT * FROM everything"
FEWER = "SELECT * FROM everything WHERE id < 3"
NARROW: dict[str, Any] = {"query": "SELECT id, word FROM everything", "columns": COLUMNS[:2]}
VIEW = {"kind": "view", "partition_by": "day", "partition_unit": "month", "cluster_by": ["word"]}
COUNTS = "SELECT (SELECT COUNT(*) FROM published.small), (SELECT COUNT(*) FROM published.large)"
PUBLISHED = "oso-test.published"


def publish(store: Any, warehouse: Any, number: int, *outputs: Output) -> Manifest:
    release = manifest(number, *outputs)
    store.ready(outputs)
    for each in outputs:
        store.build(warehouse, release, each)
    store.publish(release, outputs)
    return release


def rows(client: Any, query: str) -> list[tuple[Any, ...]]:
    return [tuple(each) for each in client.query(query).result()]
