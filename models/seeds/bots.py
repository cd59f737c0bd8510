"""The accounts known to be bots by name: seeds/bots.csv, or the list that OSO_BOTS names.

A SQLMesh seed cannot take its path from a setting, so the list is read when the project is loaded, and
becomes part of the model: another list is a change like any other.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from sqlglot import exp
from sqlmesh import model
from sqlmesh.core.macros import MacroEvaluator

DEFAULT = Path(__file__).parents[2] / "seeds" / "bots.csv"


def listed() -> list[str]:
    """Return the accounts of the list that is in force; it may be empty."""
    with Path(os.environ.get("OSO_BOTS") or DEFAULT).open(newline="") as file:
        return sorted({row["account"] for row in csv.DictReader(file)})


@model(
    "seeds.bots",
    is_sql=True,
    kind="FULL",
    blueprints=[{"accounts": listed()}],
    grain="account",
    description="One row is an account known to be a bot by its exact name or login.\n"
    'Names that hold "[bot]" need not be listed: the macro `is_bot` knows them.',
    audits=[
        ("not_null", {"columns": exp.Tuple(expressions=[exp.column("account")])}),
        ("unique_values", {"columns": exp.Tuple(expressions=[exp.column("account")])}),
    ],
    column_descriptions={"account": "The exact name or login."},
)
def bots(evaluator: MacroEvaluator) -> exp.Expression:
    accounts = evaluator.blueprint_var("accounts")
    rows = [
        exp.select(exp.cast(exp.Literal.string(each), "text").as_("account")) for each in accounts
    ]
    if not rows:
        nobody = exp.select(exp.cast(exp.null(), "text").as_("account"))
        return exp.select("account").from_(nobody.subquery("nobody")).where(exp.false())
    return exp.union(*rows, distinct=False) if len(rows) > 1 else rows[0]
