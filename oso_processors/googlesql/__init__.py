"""Google's own GoogleSQL in this process: what BigQuery makes of a query, with no account.

`Engine` analyses a query against tables that exist only as names and types, and executes it on
Google's reference evaluator, which knows the right answer and nothing of speed.
"""

from __future__ import annotations

from oso_processors.googlesql.columns import Column, Kind
from oso_processors.googlesql.engine import Content, Engine, Result

__all__ = ["Column", "Content", "Engine", "Kind", "Result"]
