"""What a model says of its cells is true: computed alone, they hold the rows that the whole table has there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlglot import exp

from oso_processors.differences.cells import parts_of, rows_given, rows_of
from oso_processors.differences.inputs import Concerned, Inputs
from oso_processors.differences.kept import Held, place_of
from oso_processors.differences.properties import Properties
from oso_processors.loading import load
from oso_processors.settings import Settings


@pytest.fixture(scope="module")
def context(built):
    """The project, in SQLMesh; its warehouse is not open."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSO_HOME", str(built / ".oso"))
        loaded = load(Settings(project=built, home=built / ".oso"))
    loaded.close()
    return loaded


def kept_models(context) -> dict[str, Properties]:
    said = {e.name: Properties.of(e) for e in context.models.values() if e.kind.is_custom}
    return {name: each for name, each in said.items() if each.cells}


def held(connection, context, name: str) -> Held:
    """Return a model's own table, of which rendered queries read."""
    table = exp.to_table(context.get_snapshot(name, raise_if_missing=True).table_name())
    return Held(connection, place_of(table))


def wrong(connection, context, name: str, said: Properties, columns: tuple[str, ...]) -> int:
    """Return how many rows of some cells differ where these cells are computed alone."""
    (last,) = connection.execute(
        "SELECT max(activity_date) FROM oso.intermediate.calendar"
    ).fetchone()
    query = context.render(name, execution_time=str(last + timedelta(days=1)))
    through = [held(connection, context, each) for each in said.through]
    inputs = Inputs(connection, query, said.cells, through)
    target = held(connection, context, name)
    listed = ", ".join(f'"{each}"' for each in columns)
    concerned = Concerned()
    concerned.add(columns, f"SELECT {listed} FROM {target.sql} WHERE hash({listed}) % 3 = 0")
    parts = parts_of(concerned, inputs)
    if not parts:
        return 0
    own = ", ".join(f'"{each}"' for each in target.columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE alone AS {rows_given(parts, inputs, own)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE there AS {rows_of(parts, target, own)}")
    (count,) = connection.execute(
        "SELECT count(*) FROM ((FROM alone EXCEPT ALL FROM there)"
        " UNION ALL (FROM there EXCEPT ALL FROM alone))"
    ).fetchone()
    return count


def test_cells_that_are_computed_alone_are_those_of_the_whole_table(tables, context):
    kept = kept_models(context)
    found = {
        (name, columns): count
        for name, said in kept.items()
        for columns in {said.cells, *((each,) for each in said.cells)}
        if (count := wrong(tables, context, name, said, columns))
    }
    assert found == {}, list(found)
    assert len(kept) > 10
