"""What would be rewritten: found before anything is, since afterwards nobody could find it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import duckdb

from oso_processors.collectors.forgotten import WORD
from oso_processors.collectors.persons import Marked
from oso_processors.collectors.pseudonyms import Known, Rewritten, rewrite
from oso_processors.forgetting.actors import derived, places
from oso_processors.release.making import source_of
from oso_processors.release.plan import newest_of
from oso_processors.release.promises import Promises
from oso_processors.sql import literal
from oso_processors.stores import Manifest, Published, Store
from oso_processors.warehouse import Warehouse

PERSONAL = ("id", "login", "email", "name")


@dataclass(frozen=True, slots=True)
class Raw:
    """Rows of a raw table, and how many values of each column; `since` is the first row's time."""

    table: str
    rows: int
    columns: Mapping[str, int]
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A model's table that shows a person: in how many rows, in which columns."""

    model: str
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is found of a person, and later what was done; it names nobody.

    `models` are the tables that show the person, `made_again` all models that descend from raw ones.
    `lineage` says of each column that carries something of a person what it is from; `published` are
    the columns of outputs among them, by output. `releases` are those kept that show the person, with
    the tables that do; `served` is the release served at first.
    """

    raw: tuple[Raw, ...] = ()
    models: tuple[Held, ...] = ()
    made_again: tuple[str, ...] = ()
    lineage: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    published: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    releases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    served: str | None = None
    done: Mapping[str, Any] = field(default_factory=dict)

    def with_done(self, **done: Any) -> Facts:
        """Return the facts with more that was done."""
        return replace(self, done={**self.done, **done})

    def body(self) -> dict[str, Any]:
        """Return plain values, to be kept as JSON."""
        return asdict(self)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Facts:
        """Return what `body` gave."""
        raw = tuple(Raw(**each) for each in body["raw"])
        models = tuple(Held(**{**e, "columns": tuple(e["columns"])}) for e in body["models"])
        return cls(**{**body, "raw": raw, "models": models})


def found(
    warehouse: Warehouse,
    tables: Sequence[Marked],
    known: Known,
    key: str,
    promises: Promises,
    stores: Sequence[Store],
) -> Facts:
    """Look for a person in raw rows, models and kept releases; change nothing."""
    connection = warehouse.connection
    personal = {*known.ids, *known.logins, *known.emails, *derived(known, key)}
    searches = [
        (_carried(warehouse, tables, kinds), values)
        for kinds, values in ((PERSONAL, personal), (("owner",), places(known)))
        if values
    ]
    rewritten = [rewrite(connection, each, known, is_dry=True) for each in tables]
    releases, kept, served = _kept(stores)
    return Facts(
        raw=tuple(_raw(each) for each in rewritten if each.row_count),
        models=tuple(_models(warehouse, searches)),
        made_again=tuple(warehouse.made_from([each.table for each in rewritten if each.row_count])),
        lineage={
            f"{model}.{column}": parents
            for columns, _ in searches
            for model, own in columns.items()
            for column, parents in own.items()
        },
        published=_published(promises, [columns for columns, _ in searches]),
        releases=_with_later(
            _showing(connection, promises, stores, releases, searches), kept, served
        ),
        kept=kept,
        served=served,
    )


Carried = Mapping[str, Mapping[str, tuple[str, ...]]]
Searches = Sequence[tuple[Carried, Collection[str]]]


def _carried(warehouse: Warehouse, tables: Sequence[Marked], kinds: Collection[str]) -> Carried:
    seeds = {
        each.table: {mark.column for mark in each.marks if mark.kind in kinds} for each in tables
    }
    return warehouse.carried({name: columns for name, columns in seeds.items() if columns})


def _raw(done: Rewritten) -> Raw:
    since = done.since.isoformat() if done.since else None
    return Raw(done.table, done.row_count, done.columns, since)


def _models(warehouse: Warehouse, searches: Searches) -> Iterable[Held]:
    """Give the models' own tables that show the person."""
    names = dict.fromkeys(name for columns, _ in searches for name in columns)
    for name in warehouse.stored(names):
        tests = {
            column: test
            for columns, values in searches
            for column, test in _tests(columns.get(name, {}), values).items()
        }
        schema, _, table = name.partition(".")
        rows, shown = _counted(warehouse.connection, f'"{schema}"."{table}"', tests)
        if rows:
            yield Held(name, rows, shown)


def _tests(columns: Iterable[str], values: Collection[str]) -> dict[str, str]:
    """Return for each column the condition that it shows one of ``values``."""
    listed = ", ".join(literal(each) for each in sorted(values))
    # A value may stand in a longer one, and in lists and structures.
    return {
        name: f'list_has_any(regexp_extract_all(lower(CAST("{name}" AS VARCHAR)), {literal(WORD)})'
        f' || [lower(CAST("{name}" AS VARCHAR))], [{listed}])'
        for name in columns
    }


def _counted(
    connection: duckdb.DuckDBPyConnection, source: str, tests: Mapping[str, str]
) -> tuple[int, tuple[str, ...]]:
    """Return how many rows of ``source`` pass any of the tests, and the columns that do."""
    if not tests:
        return 0, ()
    each = ", ".join(f"count_if({test})" for test in tests.values())
    any_of = " OR ".join(tests.values())
    row = connection.execute(f"SELECT count_if({any_of}), {each} FROM {source}").fetchone()
    total, *counts = row or (0,)
    return total, tuple(name for name, count in zip(tests, counts, strict=False) if count)


def _published(promises: Promises, carried: Sequence[Carried]) -> dict[str, tuple[str, ...]]:
    """Return the columns of outputs that carry something of a person."""
    found = {}
    for each in promises.served:
        own = {column for columns in carried for column in columns.get(each.model, {})}
        if listed := tuple(column for column in each.columns if column in own):
            found[each.name] = listed
    return found


def _kept(stores: Sequence[Store]) -> tuple[list[Manifest], tuple[str, ...], str | None]:
    """Return the releases that any store keeps, their names, and the newest that is served."""
    releases = {each.id: each for store in stores for each in store.kept()}
    newest = newest_of(store.served() for store in stores)
    return list(releases.values()), tuple(releases), newest.id if newest else None


def _showing(
    connection: duckdb.DuckDBPyConnection,
    promises: Promises,
    stores: Sequence[Store],
    releases: Sequence[Manifest],
    searches: Searches,
) -> dict[str, tuple[str, ...]]:
    """Return the releases that show the person, with the tables that do."""
    known: dict[str, bool] = {}

    def shows(release: Manifest, name: str, table: Published) -> bool:
        # The same content has the same name in every release.
        if table.digest not in known:
            known[table.digest] = _shows(
                connection,
                _searched(promises, name, table, searches),
                source_of(stores, release, name),
            )
        return known[table.digest]

    return _those(releases, shows)


def _with_later(
    showing: Mapping[str, tuple[str, ...]], kept: Sequence[str], served: str | None
) -> dict[str, tuple[str, ...]]:
    """Add the releases after the first that shows the person: they may have taken days from its tables.

    The one that is served is followed by a whole one when it shows the person itself.
    """
    first = min((int(name[1:]) for name in showing), default=None)
    later = [name for name in kept if first and int(name[1:]) > first and name != served]
    tables = tuple(sorted({table for names in showing.values() for table in names}))
    return {**dict.fromkeys(later, tables), **showing}


def _those(
    releases: Sequence[Manifest], shows: Callable[[Manifest, str, Published], bool]
) -> dict[str, tuple[str, ...]]:
    found = {}
    for release in releases:
        # A release's own tables are made of counts and names of models.
        outputs = {n: each for n, each in release.contents.items() if not n.startswith("_")}
        names = tuple(name for name, each in outputs.items() if shows(release, name, each))
        if names:
            found[release.id] = names
    return found


def _searched(
    promises: Promises, name: str, table: Published, searches: Searches
) -> dict[str, str]:
    """Return the tests of the columns that may show a person.

    Those are the ones that carry something by lineage; all of a table that is not as it is promised now.
    """
    processor = promises.processors.get(name)
    names = [each.name for each in table.columns]
    is_as_promised = (
        processor is not None
        and processor.deprecation is None
        and set(names) <= set(processor.columns)
    )
    tests: dict[str, str] = {}
    for columns, values in searches:
        own = columns.get(processor.model, {}) if processor and is_as_promised else names
        for column, test in _tests([each for each in names if each in own], values).items():
            tests[column] = f"{tests[column]} OR {test}" if column in tests else test
    return tests


def _shows(
    connection: duckdb.DuckDBPyConnection, tests: Mapping[str, str], source: str | None
) -> bool:
    """Say whether a kept table shows the person; one that cannot be read may."""
    if not tests:
        return False
    return source is None or _counted(connection, source, tests)[0] > 0
