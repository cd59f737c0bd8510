"""The rules that SQLMesh's linter runs: one for each idiom of the house list."""

from __future__ import annotations

from typing import Any

from sqlmesh.core.linter.rule import Rule, RuleViolation
from sqlmesh.core.model import Model

from linter.idiom import Idiom
from linter.idioms import IDIOMS
from linter.search import Finding, find

# The linter asks every rule about one model before the next; so one search serves all rules.
_last: tuple[Model, list[Finding]] | None = None


def findings(model: Model) -> list[Finding]:
    """Return what is found in ``model``, searched once."""
    global _last
    if _last is None or _last[0] is not model:
        _last = (model, find(model))
    return _last[1]


def rule(idiom: Idiom) -> type[Rule]:
    """Return the rule that refuses ``idiom``."""

    def check_model(self: Rule, model: Model) -> list[RuleViolation]:
        return [
            self.violation(str(each), each.place)
            for each in findings(model)
            if each.idiom.name == idiom.name
        ]

    body: dict[str, Any] = {
        "__doc__": idiom.message,
        "__module__": __name__,
        "check_model": check_model,
    }
    made: type[Rule] = type(Rule)(idiom.name, (Rule,), body)
    return made


# SQLMesh finds the rules among this module's names.
globals().update({each.name: rule(each) for each in IDIOMS})
