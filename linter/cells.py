"""What a model that is kept by its differences says of its cells; see docs/decisions/0025."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from sqlmesh.core.linter.rule import Rule, RuleViolation
from sqlmesh.core.model import Model

from linter.promises import UNIQUE, audits_of, names_in
from oso_processors.differences.properties import NAMES, Properties
from oso_processors.sqlmesh_names import grain_of, public_name


class UnsoundCells(Rule):
    """What a model says of its cells is of its own columns and tables, and its audits see whole cells."""

    def check_model(self, model: Model) -> list[RuleViolation] | None:
        """Find what a kept model declares wrong."""
        if not model.kind.is_custom:
            return None
        return [self.violation(each) for each in _wrong(model)]


def _wrong(model: Model) -> Iterator[str]:
    for name in sorted(set(model.kind.materialization_properties) - set(NAMES)):
        (near, *_) = (*get_close_matches(name, NAMES, 1), NAMES[0])
        yield f"`{name}` is no property of the materialization; did you mean `{near}`?"
    said, grain = Properties.of(model), grain_of(model)
    if not grain:
        yield "it declares no grain, by which its log tells rows; add `grain (...)` to its header"
    if strange := [each for each in said.cells if each not in grain]:
        yield f"{', '.join(strange)} in `cells` is no column of its grain"
    if strange := [each for each in said.tells if each not in (model.columns_to_types or ())]:
        yield f"{', '.join(strange)} in `tells` is no column of its own"
    read = {public_name(each) for each in model.depends_on}
    if strange := [each for each in said.through if each not in read]:
        yield f"{', '.join(strange)} in `through` is no table that it reads"
    for arguments in audits_of(model, UNIQUE):
        columns = names_in(arguments.values())
        if missing := [each for each in said.cells if each not in columns]:
            yield (
                f"its audit of {', '.join(sorted(columns))} leaves out {', '.join(missing)}: of a build"
                " only some cells are audited, and two of these may hold the same"
            )
