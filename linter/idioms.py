"""The house list: what BigQuery's SQL may not hold here, because DuckDB takes it otherwise.

One table; the rules, their tests and the page of replacements are made from it. A new idiom needs a
row and nothing else.
"""

from __future__ import annotations

from linter.arrays import ARRAYS
from linter.dates import DATES_AND_TIMES
from linter.foreign import REPLACEMENTS
from linter.idiom import Idiom
from linter.numbers import NUMBERS
from linter.texts import TEXTS

__all__ = ["IDIOMS", "REPLACEMENTS"]

IDIOMS: tuple[Idiom, ...] = (*NUMBERS, *DATES_AND_TIMES, *TEXTS, *ARRAYS)
