"""How far each forgetting is, written down in the warehouse: a killed one is finished by the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import orjson

from oso_processors.collectors.forgotten import Forgotten
from oso_processors.collectors.ledger import sent_anew, transaction
from oso_processors.collectors.persons import Marked
from oso_processors.collectors.pseudonyms import Known, rewrite
from oso_processors.forgetting.finding import Facts
from oso_processors.sql import literal


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A forgetting that was begun: `steps` are those that were done."""

    id: str
    facts: Facts
    steps: tuple[str, ...]
    asked_at: str


def begin(
    connection: duckdb.DuckDBPyConnection,
    forgotten: Forgotten,
    tables: Sequence[Marked],
    known: Known,
    forgetting: Forgetting,
) -> None:
    """Rewrite the raw rows, remember the person by hashes and write the forgetting down, all or nothing."""
    with transaction(connection):
        for each in tables:
            done = rewrite(connection, each, known)
            if done.row_count:
                since = literal(done.since.isoformat()) if done.since else "NULL"
                connection.execute(
                    f"INSERT INTO raw._rewritten VALUES ({literal(each.table)}, {since})"
                )
                sent_anew(connection, each.table)
        forgotten.add(known)
        told = literal(orjson.dumps(forgetting.facts.body()).decode())
        values = f"{literal(forgetting.id)}, {told}, [], {literal(forgetting.asked_at)}, NULL"
        connection.execute(f"INSERT INTO raw._forgettings VALUES ({values})")


def keep(connection: duckdb.DuckDBPyConnection, id: str, step: str, facts: Facts) -> None:  # noqa: A002
    """Write down that a step was done, and what is known now."""
    told = literal(orjson.dumps(facts.body()).decode())
    connection.execute(
        f"UPDATE raw._forgettings SET steps = list_append(steps, {literal(step)}), facts = {told}"
        f" WHERE id = {literal(id)}"
    )


def finish(connection: duckdb.DuckDBPyConnection, id: str) -> None:  # noqa: A002
    """Write down that a forgetting is finished."""
    connection.execute(f"UPDATE raw._forgettings SET finished_at = now() WHERE id = {literal(id)}")


def unfinished(connection: duckdb.DuckDBPyConnection) -> list[Forgetting]:
    """Return the forgettings that were begun and not finished, the oldest first."""
    rows = connection.execute(
        "SELECT id, facts, steps, asked_at FROM raw._forgettings"
        " WHERE finished_at IS NULL ORDER BY asked_at"
    ).fetchall()
    return [
        Forgetting(name, Facts.from_body(orjson.loads(facts)), tuple(steps), asked_at.isoformat())
        for name, facts, steps, asked_at in rows
    ]
