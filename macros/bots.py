"""One rule, one place: which accounts are machines."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlmesh import macro


@macro()
def is_bot(evaluator: Any, *names: exp.Expression) -> exp.Expression:
    """Return whether any of an account's ``names`` (name, login) marks it as a bot.

    ``[bot]`` in a name, in any case, or a name listed in ``seeds.bots``. A ``bot`` elsewhere in a
    name makes no bot: `botantony` is a person.
    """
    # Joined by a line break, which no name holds, so that one test serves them all.
    every = [f"COALESCE({name.sql(dialect='bigquery')}, '')" for name in names]
    joined = f"CONCAT({', CHR(10), '.join(every)})" if len(every) > 1 else every[0]
    # LOWER will do: no letter but B, O and T becomes one of them on any engine.
    tests = [f"STRPOS(LOWER({joined}), '[bot]') > 0"]
    tests += [f"{name} IN (SELECT bots.account FROM seeds.bots AS bots)" for name in every]
    return sqlglot.parse_one(f"({' OR '.join(tests)})", dialect="bigquery")
