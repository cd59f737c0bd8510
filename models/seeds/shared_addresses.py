"""The addresses that many sign with, of seeds/shared_addresses.csv, as they are known: by their hashes.

GH Archive hides what stands before the @ of an address, so that each is listed in that form as well.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

from sqlglot import exp
from sqlmesh import model
from sqlmesh.core.macros import MacroEvaluator

FILE = Path(__file__).parents[2] / "seeds" / "shared_addresses.csv"


def listed() -> list[dict[str, str]]:
    """Return each address with its hash, in both forms."""
    with FILE.open(newline="") as file:
        addresses = [row["address"] for row in csv.DictReader(file)]
    forms = {form: each for each in addresses for form in (each, hidden(each))}
    return [
        {"email_sha256": hashlib.sha256(form.encode()).hexdigest(), "address": each}
        for form, each in forms.items()
    ]


def hidden(address: str) -> str:
    """Return an address as GH Archive tells it."""
    local, at, domain = address.rpartition("@")
    return (
        f"{hashlib.sha1(local.encode(), usedforsecurity=False).hexdigest()}@{domain}" if at else ""
    )


@model(
    "seeds.shared_addresses",
    is_sql=True,
    kind="FULL",
    blueprints=[{"addresses": listed()}],
    grain="email_sha256",
    description="One row is an address that is known to be many people's, in one of its forms:\n"
    "whoever signs with it is not told by it.",
    audits=[
        ("not_null", {"columns": exp.Tuple(expressions=[exp.column("email_sha256")])}),
        ("unique_values", {"columns": exp.Tuple(expressions=[exp.column("email_sha256")])}),
    ],
    column_descriptions={
        "email_sha256": "The hash by which raw tables know it.",
        "address": "The address.",
    },
)
def shared_addresses(evaluator: MacroEvaluator) -> exp.Expression:
    rows = [
        exp.select(
            *(
                exp.cast(exp.Literal.string(each[name]), "text").as_(name)
                for name in ("email_sha256", "address")
            )
        )
        for each in evaluator.blueprint_var("addresses")
    ]
    return exp.union(*rows, distinct=False)
