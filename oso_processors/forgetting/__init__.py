"""Forget a person: in raw rows, in what is made from them, and in the releases that are kept.

First all is found, then the raw rows are rewritten in one transaction, which also remembers the person
by hashes and writes down what is still to do. Each step after it can be done twice, so that a forgetting
that was killed is finished by the next one.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from oso_processors.collectors.forgotten import Forgotten
from oso_processors.collectors.lander import create_raw_tables
from oso_processors.collectors.persons import own_marked
from oso_processors.collectors.pseudonyms import Known
from oso_processors.differences.kept import drop_memories
from oso_processors.errors import ActorUnknown, StoreUnusable
from oso_processors.forgetting import ledger
from oso_processors.forgetting.actors import Actor, find
from oso_processors.forgetting.compaction import compact
from oso_processors.forgetting.finding import Facts, found
from oso_processors.forgetting.ledger import Forgetting
from oso_processors.pipeline import load_promises, make_release, open_stores, raw_connection
from oso_processors.progress import Progress
from oso_processors.release import Request, measurements
from oso_processors.settings import Settings
from oso_processors.sources import fetched_by
from oso_processors.stores import Store
from oso_processors.warehouse import Warehouse

REASON = "somebody was forgotten"


@dataclass(frozen=True, slots=True)
class Run:
    """What a step works with."""

    settings: Settings
    warehouse: Warehouse
    progress: Progress


def look(settings: Settings, actors: Sequence[Actor], progress: Progress) -> Facts:
    """Return what would be rewritten; raise `ActorUnknown` or `ActorAmbiguous`."""
    with _opened(settings, progress) as warehouse:
        facts, _ = _found(settings, warehouse, actors)
    return facts


def forget(
    settings: Settings,
    actors: Sequence[Actor],
    progress: Progress,
    agree: Callable[[Facts], bool] = lambda _: True,
) -> list[Path]:
    """Forget the person whom ``actors`` are, and finish what was begun before; return the receipts.

    Nothing is done unless ``agree`` says so of what was found. Raise `ActorUnknown`, `ActorAmbiguous`, and
    what building and releasing raise; then run it again.
    """
    with _opened(settings, progress) as warehouse:
        run = Run(settings, warehouse, progress)
        begun = ledger.unfinished(warehouse.connection)
        for each in begun:
            _do(run, each)
        new = _begin(run, actors, agree, bool(begun))
        if new is not None:
            _do(run, new)
        catalog = warehouse.catalog
    return _end(settings, catalog, progress)


def _opened(settings: Settings, progress: Progress) -> Warehouse:
    load_promises(settings)  # what is mistyped is told before any work
    with progress.step("loading the project"):
        warehouse = Warehouse(settings)
    create_raw_tables(warehouse.connection)
    return warehouse


def _begin(
    run: Run, actors: Sequence[Actor], agree: Callable[[Facts], bool], is_resumed: bool
) -> Forgetting | None:
    """Rewrite the raw rows; None where there is nothing to do, or nobody agrees."""
    connection = run.warehouse.connection
    forgotten = Forgotten.of(connection, run.settings.actor_key)
    if is_resumed and all(forgotten.since(each.kind, each.value) for each in actors):
        return None
    facts, known = _found(run.settings, run.warehouse, actors)
    if not agree(facts):
        return None
    now = datetime.now(UTC)
    name = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    new = Forgetting(name, facts, (), now.isoformat(timespec="seconds"))
    with run.progress.step("rewriting raw rows"):
        ledger.begin(connection, forgotten, own_marked(), known, new)
    return new


def _found(
    settings: Settings, warehouse: Warehouse, actors: Sequence[Actor]
) -> tuple[Facts, Known]:
    connection, tables = warehouse.connection, own_marked()
    forgotten = Forgotten.of(connection, settings.actor_key)
    known = find(connection, tables, actors)
    with open_stores(settings) as stores:
        facts = found(warehouse, tables, known, settings.actor_key, load_promises(settings), stores)
    if not facts.raw:
        said = ", ".join(each.said for each in actors)
        raise ActorUnknown(said, forgotten.since(actors[0].kind, actors[0].value) or "")
    return facts, known


def _build(run: Run, facts: Facts) -> Facts:
    # Tables that are kept by their differences remember the keys of rows that they had.
    drop_memories(run.warehouse.connection, run.warehouse.catalog)
    run.warehouse.build(run.progress)
    return facts


def _clean(run: Run, facts: Facts) -> Facts:
    models = {name.rpartition(".")[0] for name in facts.lineage}
    return facts.with_done(environments_dropped=run.warehouse.drop_other_tables(models))


def _release(run: Run, facts: Facts) -> Facts:
    """Make a release where the one served shows the person; where none does, all stay."""
    if facts.served not in facts.releases:
        return facts
    # A table that takes days from the one before would keep that, with the person in it.
    measurements.drop(
        run.warehouse.connection, {n for names in facts.releases.values() for n in names}
    )
    promises = load_promises(run.settings)
    done = make_release(run.settings, run.warehouse, promises, run.progress, Request(REASON))
    return facts.with_done(released=done.release.id)


def _sweep(run: Run, facts: Facts) -> Facts:
    """Take the releases that show the person out of every store."""
    with open_stores(run.settings, say=run.progress.say) as stores:
        for store in stores if facts.releases else ():
            _remove(store, facts.releases)
        ends = _ends(stores)
    return facts.with_done(releases_removed=sorted(facts.releases), can_be_had_until=ends)


def _ends(stores: Sequence[Store]) -> dict[str, str]:
    """Return until when what was removed now can still be had, by its place."""
    now = datetime.now(UTC)
    return {
        f"{store.name}: {place}": (now + lasting).isoformat(timespec="seconds")
        for store in stores
        for place, lasting in store.outlasting().items()
    }


def _fetched(run: Run, facts: Facts) -> Facts:
    """Remove what collectors fetched of the sources that tell of the person."""
    sources = {each.table.partition("__")[0] for each in facts.raw if "__" in each.table}
    removed = set()
    for source in sources:
        for folder in fetched_by(run.settings, source):
            if folder.is_dir():
                shutil.rmtree(folder)
                removed.add(source)
    return facts.with_done(downloads_removed=sorted(removed))


def _remove(store: Store, releases: Mapping[str, Sequence[str]]) -> None:
    served = store.served()
    if served is not None and served.id in releases:
        raise StoreUnusable(store.name, served.id, "is served and shows the person", "run again")
    store.sweep([each for each in store.kept() if each.id not in releases])
    if left := store.left_over():
        # A reader may hold a table for a while.
        raise StoreUnusable(store.name, left[0], "could not be removed yet", "run again")


STEPS: Mapping[str, Callable[[Run, Facts], Facts]] = {
    "fetched": _fetched,
    "build": _build,
    "clean": _clean,
    "release": _release,
    "sweep": _sweep,
}


def _do(run: Run, forgetting: Forgetting) -> None:
    """Do the steps that are left."""
    facts = forgetting.facts
    for name, step in STEPS.items():
        if name not in forgetting.steps:
            facts = step(run, facts)
            ledger.keep(run.warehouse.connection, forgetting.id, name, facts)


def _end(settings: Settings, catalog: str, progress: Progress) -> list[Path]:
    """Write the warehouse's file anew, and the receipts of what is finished with that."""
    with raw_connection(settings) as connection:
        done = ledger.unfinished(connection)
    if not done:
        return []
    with progress.step("writing the warehouse anew"):
        compact(settings.warehouse, catalog)
    receipts = [_write_receipt(settings.receipts, each) for each in done]
    with raw_connection(settings) as connection:
        for each in done:
            ledger.finish(connection, each.id)
    return receipts


def _write_receipt(folder: Path, forgetting: Forgetting) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{forgetting.id}.json"
    body = {
        "receipt": forgetting.id,
        "asked_at": forgetting.asked_at,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **forgetting.facts.body(),
    }
    part = path.with_suffix(".part")
    part.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    part.replace(path)
    return path
