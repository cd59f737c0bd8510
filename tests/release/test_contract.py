"""What readers of stable outputs are promised: each kind of change, and what serves the old version."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import psycopg
import pytest
import yaml

from oso_processors.declarations import Deprecation, FilesOptions, Processor, Publish
from oso_processors.errors import DeclarationInvalid, WithoutContract
from oso_processors.release import Wish, release
from oso_processors.release.contract import (
    WITHOUT_LOSS,
    Change,
    Contract,
    PromisedColumn,
    compare,
    load,
    load_all,
    lost,
    next_version,
    readers_type,
    reworded,
    text,
    view,
    warehouse_type,
)
from oso_processors.release.measure import measured
from oso_processors.release.promises import Promises, is_over
from oso_processors.stores.files import FilesStore
from oso_processors.stores.postgres import PostgresStore
from oso_processors.tables import Column, Table

ID = PromisedColumn(name="id", type="STRING", never_null=True, description="The project.")
NAME = PromisedColumn(name="name", type="STRING", description="The name that people read.")
STARS = PromisedColumn(name="stars", type="INT64", description="Stars, in events.")


def contract(*columns: PromisedColumn, grain=("id",), description="One row is a project."):
    listed = columns or (ID, NAME, STARS)
    return Contract(name="projects_v1", description=description, grain=grain, columns=listed)


def but(column: PromisedColumn, **facts: object) -> PromisedColumn:
    return column.model_copy(update=facts)


NOW = contract()
PAIR = contract(grain=("id", "name"))
MORE = PromisedColumn(name="forks", type="INT64", description="Forks, in events.")
ADDITIVE = {
    "nothing": (NOW, []),
    "a column at the end": (contract(ID, NAME, STARS, MORE), [Change("added", "forks")]),
    "the table in other words": (contract(description="One row: a project."), [Change("reworded")]),
    "never NULL from now on": (
        contract(ID, but(NAME, never_null=True), STARS),
        [Change("promised", "name")],
    ),
    "the same words with other spaces": (
        contract(ID, but(NAME, description="The name  that people read"), STARS),
        [Change("reworded", "name", NAME.description, "The name  that people read")],
    ),
}
BREAKING = {
    "dropped": (contract(ID, STARS), ["column name was dropped"]),
    "renamed": (contract(ID, but(NAME, name="title"), STARS), ["column name was renamed to title"]),
    "dropped, and another added": (
        contract(ID, but(NAME, name="title", description="A title."), STARS),
        ["column name was dropped", "column title was put before another and not at the end"],
    ),
    "retyped": (
        contract(ID, NAME, but(STARS, type="NUMERIC(38, 9)")),
        ["column stars was INT64 and is NUMERIC(38, 9)"],
    ),
    "moved": (contract(ID, STARS, NAME), ["column stars was moved"]),
    "put in the middle": (
        contract(ID, MORE, NAME, STARS),
        ["column forks was put before another and not at the end"],
    ),
    "may be NULL": (
        contract(but(ID, never_null=False), NAME, STARS),
        ["column id was never NULL, and no audit holds it to that now"],
    ),
    "another grain": (contract(grain=("id", "name")), ["the grain was (id) and is (id, name)"]),
    "another unit": (
        contract(ID, NAME, but(STARS, description="Stars, in thousands.")),
        ["column stars meant 'Stars, in events.' and means 'Stars, in thousands.'"],
    ),
    "a unit in other letters": (
        contract(ID, NAME, but(STARS, description="Stars, in Events.")),
        ["column stars meant 'Stars, in events.' and means 'Stars, in Events.'"],
    ),
}


@pytest.mark.parametrize("name", ADDITIVE)
def test_what_only_adds_to_a_promise_breaks_nothing(name):
    new, expected = ADDITIVE[name]

    changes = compare(NOW, new)

    assert changes == expected
    assert not any(each.is_breaking for each in changes)


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_promise_is_told_in_a_sentence(name):
    new, expected = BREAKING[name]

    changes = [each for each in compare(NOW, new) if each.is_breaking]

    assert sorted(map(str, changes)) == sorted(expected)


def test_a_column_of_the_grain_that_is_renamed_is_one_change():
    renamed = contract(but(ID, name="project_id"), NAME, STARS, grain=("project_id",))

    assert compare(NOW, renamed) == [Change("renamed", "id", "id", "project_id")]


def test_a_map_says_where_a_column_went_and_not_that_it_means_the_same():
    megabytes = but(STARS, name="size", description="Stars, in thousands.")

    changes = compare(NOW, contract(ID, NAME, megabytes), {"stars": "size"})

    assert [str(each) for each in changes] == [
        "column stars was renamed to size",
        "column stars meant 'Stars, in events.' and means 'Stars, in thousands.'",
    ]


def test_the_order_of_the_grain_is_no_promise_and_is_told_as_what_it_is():
    (change,) = compare(PAIR, contract(grain=("name", "id")))

    assert not change.is_breaking
    assert str(change) == "the grain is written (name, id), and was (id, name)"
    assert lost(PAIR, contract(grain=("name", "id")), {}) == []


def test_new_words_are_taken_for_the_columns_that_are_named_and_no_others():
    newer = contract(
        but(ID, description="Its id."), but(NAME, name="title", description="Its title."), STARS
    )

    assert reworded(NOW, newer, {"name": "title"}, {"name", "stars"}) == contract(
        ID, but(NAME, description="Its title."), STARS
    )


@pytest.mark.parametrize(
    ("new", "renames", "expected"),
    [
        (contract(ID, but(NAME, name="title"), STARS), {"name": "title"}, []),
        (contract(ID, but(NAME, name="title"), STARS), {}, ["renamed"]),
        (contract(ID, STARS), {}, []),
        (contract(ID, MORE, STARS, NAME), {}, []),
        (contract(ID, NAME, but(STARS, type="STRING")), {}, ["retyped"]),
        (contract(but(ID, type="INT64"), NAME, STARS), {}, []),
        (contract(grain=("id", "name")), {}, ["grain"]),
        (contract(ID, NAME, but(STARS, description="In thousands.")), {}, ["meaning"]),
        (contract(but(ID, never_null=False), NAME, STARS), {}, ["nullable"]),
        (contract(NAME, STARS, grain=("name",)), {}, ["dropped", "grain"]),
        (
            contract(ID, but(NAME, name="title", description="What for."), STARS),
            {"name": "title"},
            ["meaning"],
        ),
        (contract(ID, NAME, but(STARS, type="NUMERIC(38, 9)")), {}, ["retyped"]),
    ],
)
def test_a_view_gives_back_names_places_and_what_can_be_cast_and_nothing_else(
    new, renames, expected
):
    assert [each.kind for each in lost(NOW, new, renames)] == expected


def test_a_view_gives_no_null_for_a_column_that_never_was_null():
    whole = contract(ID, NAME, but(STARS, never_null=True))

    assert lost(whole, contract(ID, NAME), {}) == [Change("dropped", "stars")]


# A value of each type that a view may cast, and what it was in the old version, in every engine.
CAST = {
    ("INT64", "STRING"): ("-9007199254740993", "-9007199254740993"),
    ("BOOL", "STRING"): ("true", "true"),
    ("DATE", "STRING"): ("DATE '0987-02-03'", "0987-02-03"),
    ("INT64", "NUMERIC(38, 9)"): ("9223372036854775807", Decimal("9223372036854775807")),
}


@pytest.mark.parametrize("types", sorted(WITHOUT_LOSS))
def test_what_a_view_casts_is_the_same_value_in_every_engine(warehouse, engine, server, types):
    value, expected = CAST[types]
    casted = {
        "STRING": ("VARCHAR", "STRING", "text"),
        "NUMERIC(38, 9)": ("DECIMAL(38,9)", "NUMERIC", "numeric(38, 9)"),
    }[types[1]]
    duck, google, psql = (f"SELECT CAST({value} AS {each})" for each in casted)

    with psycopg.connect(server) as connection:
        found = [
            warehouse.execute(duck).fetchone()[0],
            engine.execute(google, {}).rows[0][0],
            connection.execute(psql).fetchone()[0],
        ]

    assert found == [expected] * 3


def test_a_contract_is_read_as_it_was_written(tmp_path):
    told = contract(description="One row is a project.\nIts name: a 'text', #1.")
    path = tmp_path / "contracts" / "projects_v1.yaml"
    path.parent.mkdir()
    path.write_text(text(told), "utf-8")

    assert load(path) == told
    assert load_all(path.parent) == {"projects_v1": told}
    assert path.read_text("utf-8").startswith("# Written by `oso contract`")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("grain:", "grains:", "grains: unknown key; did you mean 'grain'?"),
        ("name: projects_v1", "name: x", "name: 'x' is not the file's name"),
        ("type: INT64", "type: ''", "type: is empty"),
        ("  - id\n", "", "grain"),
        ("columns:", "<<<<<<< HEAD\ncolumns:", "could not find expected"),
    ],
)
def test_a_contract_that_cannot_be_read_is_one_line(tmp_path, old, new, said):
    path = tmp_path / "contracts" / "projects_v1.yaml"
    path.parent.mkdir()
    path.write_text(text(NOW).replace(old, new), "utf-8")

    with pytest.raises(DeclarationInvalid) as caught:
        load(path)

    assert str(caught.value).startswith("contracts/projects_v1.yaml:")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("readers", "warehouse"),
    [
        ("STRING", "VARCHAR"),
        ("NUMERIC(38, 9)", "DECIMAL(38,9)"),
        ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"),
        ("ARRAY<STRING>", "VARCHAR[]"),
        ("GEOGRAPHY", "GEOGRAPHY"),
    ],
)
def test_types_are_called_as_readers_know_them(readers, warehouse):
    assert (warehouse_type(readers), readers_type(warehouse)) == (warehouse, readers)


def test_the_version_after_is_the_next_number():
    assert [next_version(name) for name in ("projects_v1", "projects_v9", "stars")] == [
        "projects_v2",
        "projects_v10",
        "stars_v2",
    ]


TOLD = Deprecation(
    on=date(2026, 1, 1),
    remove_after=date(2026, 6, 30),
    replacement="projects_v2",
    reason="A name was no title.",
    renames={"name": "title"},
)
OLD = Processor(
    name="projects_v1",
    model="marts.projects_v2",
    tier="stable",
    owner="me",
    licence="CC0-1.0",
    freshness=timedelta(hours=36),
    columns=("id", "name", "stars"),
    publish=Publish(files=FilesOptions()),
    deprecation=TOLD,
)
NEW = OLD.model_copy(
    update={"name": "projects_v2", "columns": ("title", "id"), "deprecation": None}
)
NEWER = Table(
    "projects_v2",
    "marts.projects_v2",
    "SELECT title, id FROM projects",
    (Column("title", "VARCHAR", NAME.description), Column("id", "VARCHAR", "The project.")),
    ("id",),
    "One row is a project, newly.",
    "1",
)


def promises(contracts, *processors):
    return Promises(processors, {each.name: each for each in processors}, contracts)


def test_the_old_version_is_a_view_over_the_new_one_that_is_published_like_any_output(warehouse):
    warehouse.execute("CREATE TABLE projects AS SELECT 'curl' AS title, 'p1' AS id")

    table = promises({"projects_v1": NOW}, NEW, OLD).output(OLD, lambda *_: NEWER)
    output = measured(warehouse, Wish(table, OLD.publish.options(), {}))

    assert warehouse.execute(output.table.query).fetchall() == [("p1", "curl", None)]
    assert output.table.columns == (
        Column("id", "VARCHAR", "The project."),
        Column("name", "VARCHAR", "The name that people read."),
        Column("stars", "BIGINT", "Stars, in events."),
    )
    assert (output.name, output.row_count, output.table.grain) == ("projects_v1", 1, ("id",))
    assert output.table.description == (
        "Deprecated since 2026-01-01, served until 2026-06-30: read projects_v2 instead."
        " A name was no title.\nOne row is a project."
    )


def test_both_versions_are_released_into_every_store_and_read_back(
    warehouse, tmp_path, postgres, quiet
):
    warehouse.execute("CREATE TABLE projects AS SELECT 'curl' AS title, 'p1' AS id")
    everywhere = {"files": {}, "postgres": {"indexes": [["id"]]}}
    served = promises({"projects_v1": NOW}, NEW, OLD)
    store = PostgresStore(postgres)
    stores = [FilesStore(tmp_path / "releases"), store]

    wishes = [Wish(served.output(each, lambda *_: NEWER), everywhere, {}) for each in (NEW, OLD)]
    release(warehouse, wishes, stores, {}, quiet)

    assert [store.drift(store.served()) for store in stores] == [[], []]
    store.close()
    with psycopg.connect(postgres) as connection:
        assert connection.execute("SELECT * FROM projects_v2").fetchall() == [("curl", "p1")]
        assert connection.execute("SELECT * FROM projects_v1").fetchall() == [("p1", "curl", None)]


def test_the_view_has_the_types_that_it_was_promised_with(warehouse):
    warehouse.execute("CREATE TABLE projects AS SELECT 7::BIGINT AS title, 'p1' AS id")
    numbers = Table(
        *("projects_v2", "m", NEWER.query, (Column("title", "BIGINT", ""), NEWER.columns[1])),
        *(("id",), "", "1"),
    )

    made = view(NOW, numbers, {"name": "title"})

    described = warehouse.execute(f"DESCRIBE {made.query}").fetchall()
    assert [row[:2] for row in described] == [(e.name, e.type) for e in made.columns]
    assert warehouse.execute(made.query).fetchall() == [("p1", "7", None)]


def test_an_output_whose_table_breaks_its_contract_is_told_before_a_release():
    shorter = OLD.model_copy(update={"deprecation": None, "columns": ("id", "stars")})
    table = Table("projects_v1", "m", "", (NEWER.columns[1],), ("id",), "Other words.", "1")

    found = promises({"projects_v1": NOW}, shorter).broken(shorter, lambda *_: table)

    assert found == (
        "its contract is broken: column name was dropped, column stars was dropped;"
        " `oso check` tells what to do"
    )


def test_what_keeps_its_contract_is_not_told():
    kept = promises({"projects_v1": NOW}, NEW, OLD)

    assert kept.broken(OLD, lambda *_: NEWER) == ""
    assert kept.broken(NEW, lambda *_: NEWER) == ""


def test_a_view_without_a_contract_is_refused():
    with pytest.raises(WithoutContract, match=r"^contracts/projects_v1\.yaml: is not there"):
        promises({}, NEW, OLD).output(OLD, lambda *_: NEWER)


def test_a_deprecated_output_is_served_to_the_end_of_its_last_day():
    assert [is_over(OLD, date(2026, 6, day)) for day in (29, 30)] == [False, False]
    assert is_over(OLD, date(2026, 7, 1))
    assert not is_over(NEW, date(2030, 1, 1))


def test_the_contracts_of_this_project_are_plain_yaml():
    body = yaml.safe_load(text(NOW))

    assert body["columns"][1] == {
        "name": "name",
        "type": "STRING",
        "description": "The name that people read.",
    }
