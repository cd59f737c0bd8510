"""An idiom: a way to write BigQuery's SQL that does not mean the same on DuckDB.

An idiom is a fact with its own proof: its examples are run on both engines by the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlglot import exp


class Effect(Enum):
    """What becomes of the idiom."""

    DIFFERS = "gives something else on DuckDB"
    FAILS = "fails on DuckDB"
    PASSES = "fails on BigQuery, where DuckDB goes on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Idiom:
    """What is refused, why, and what to write instead.

    ``name`` is the rule's name, ``what`` the one that people read. ``matches`` is asked of each of the
    ``nodes`` in a query. ``wrong`` and ``right`` mean the same, and ``value`` is what BigQuery gives for
    them; where BigQuery fails on ``wrong``, what it gives for ``right``.
    """

    name: str
    what: str
    effect: Effect
    reason: str
    instead: str
    nodes: tuple[type[exp.Expression], ...]
    wrong: str
    right: str
    value: Any
    matches: Callable[[Any], bool] = lambda node: True
    only_by_hand: bool = False
    unless: str = ""

    @property
    def message(self) -> str:
        """The one line that an author reads."""
        return f"{self.what}: {self.reason}; write {self.instead}"
