"""What every mart owes to its readers: it is what the public is promised."""

from __future__ import annotations

from sqlglot import exp
from sqlmesh.core.linter.rule import Rule, RuleViolation
from sqlmesh.core.model import Model

LAYER = "marts"
UNIQUE = frozenset({"unique_values", "unique_combination_of_columns", "no_row_twice"})


class MartWithoutGrain(Rule):
    """A mart says what makes a row unique, and audits prove that it does."""

    def check_model(self, model: Model) -> RuleViolation | None:
        """Find a mart whose grain is not declared, or not audited."""
        if not _is_mart(model):
            return None
        grain = names_in(model.grains)
        if not grain:
            return self.violation("it declares no grain; add `grain (...)` to its header")
        if not any(names_in(arguments.values()) == grain for arguments in audits_of(model, UNIQUE)):
            listed = ", ".join(sorted(grain))
            return self.violation(
                f"no audit proves that its grain is unique; add"
                f" `unique_combination_of_columns(columns := ({listed}))` to its audits"
            )
        never_null = {n for each in audits_of(model, {"not_null"}) for n in names_in(each.values())}
        missing = ", ".join(sorted(grain - never_null))
        if missing:
            return self.violation(f"add {missing} to its audit `not_null`; they are its grain")
        return None


class MartWithoutWords(Rule):
    """A mart and each of its columns are described, since readers see the descriptions."""

    def check_model(self, model: Model) -> RuleViolation | None:
        """Find a mart that says nothing of itself or of a column."""
        if not _is_mart(model):
            return None
        if not model.description:
            return self.violation("say in the comment before MODEL what one row is about")
        words = model.column_descriptions
        silent = [name for name in model.columns_to_types or {} if not words.get(name)]
        if silent:
            return self.violation(
                f"say what {', '.join(silent)} holds, in a comment after the column"
            )
        return None


class MartWithoutTest(Rule):
    """A mart has a unit test whose name is the rule it checks."""

    def check_model(self, model: Model) -> RuleViolation | None:
        """Find a mart without a unit test."""
        if not _is_mart(model) or model.name in self.context.models_with_tests:
            return None
        return self.violation("it has no unit test; add one to tests/models/")


def _is_mart(model: Model) -> bool:
    return bool(model.schema_name == LAYER)


def audits_of(model: Model, names: frozenset[str] | set[str]) -> list[dict[str, exp.Expression]]:
    """Return the arguments of each of a model's audits of these names."""
    return [arguments for name, arguments in model.audits if name in names]


def names_in(parts: object) -> frozenset[str]:
    """Return the columns that stand in an audit's arguments."""
    return frozenset(
        column.name
        for part in parts  # type: ignore[attr-defined]
        for column in part.find_all(exp.Column)
    )
