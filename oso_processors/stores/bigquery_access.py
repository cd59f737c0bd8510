"""Who may read: the readers of what is public, through its views, and nobody else what is behind them.

Grants are only added. The store's dataset lets every view of the public one read it (an authorized
dataset), so that readers need no right there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from google.api_core.exceptions import PreconditionFailed
from google.cloud.bigquery import AccessEntry, Dataset, Table

from oso_processors.bigquery import EVERYBODY, Reader
from oso_processors.errors import StoreUnusable
from oso_processors.stores.bigquery_jobs import Jobs
from oso_processors.stores.bigquery_shape import Place

EVERYONE = ("allAuthenticatedUsers", "allUsers")
READING = frozenset({"READER", "WRITER", "OWNER", "roles/bigquery.dataViewer"})
ATTEMPTS = 5


def refuse_what_is_not_ours(
    jobs: Jobs, place: Place, location: str, readers: Sequence[Reader]
) -> None:
    """Raise `StoreUnusable` when a dataset lies elsewhere, loses its tables, or is too open."""
    for name in (place.store, place.dataset):
        found = jobs.dataset(f"{place.project}.{name}")
        if found is None:
            continue
        if found.location and found.location.lower() != location.lower():
            _refuse(
                name, f"lies in {found.location} and not in {location}; set OSO_BIGQUERY_LOCATION"
            )
        for what, after in (
            ("tables", found.default_table_expiration_ms),
            ("partitions", found.default_partition_expiration_ms),
        ):
            if after:
                days = f"{after / 86_400_000:g} days"
                _refuse(name, f"lets its {what} expire after {days}; take that setting away")
        is_public = name == place.dataset
        if open_to := _open_to(found, readers if is_public else ()):
            setting = (
                ", or let OSO_BIGQUERY_READERS name allAuthenticatedUsers" if is_public else ""
            )
            _refuse(name, f"is open to {open_to}; take that away{setting}")


def grant(jobs: Jobs, place: Place, location: str, readers: Sequence[Reader]) -> None:
    """Make the public dataset where it is not there, and let readers in."""
    make(jobs, f"{place.project}.{place.dataset}", location)
    _add(jobs, f"{place.project}.{place.dataset}", [_entry(each) for each in readers])
    _add(jobs, f"{place.project}.{place.store}", [_views_of(place)])


def make(jobs: Jobs, name: str, location: str) -> None:
    """Make a dataset where it is not there."""
    if jobs.dataset(name) is None:
        found = Dataset(name)
        found.location = location
        jobs.client.create_dataset(found, exists_ok=True, **jobs.calls)


def drift(jobs: Jobs, place: Place, readers: Sequence[Reader]) -> list[str]:
    """Return a line for each grant that is there no more, or is too much."""
    public = jobs.dataset(f"{place.project}.{place.dataset}")
    store = jobs.dataset(f"{place.project}.{place.store}")
    lines = []
    for reader in readers:
        if public is None or not _lets(public, reader):
            lines.append(f"{place.dataset}: {reader[1]} may read it no more")
    if store is not None and not any(
        _same(each, _views_of(place)) for each in store.access_entries
    ):
        lines.append(f"{place.store}: the views of {place.dataset} may read it no more")
    for dataset, may in ((store, ()), (public, readers)):
        if dataset is not None and (open_to := _open_to(dataset, may)):
            lines.append(f"{dataset.dataset_id}: is open to {open_to}")
    return lines


def guards(jobs: Jobs, table: Table) -> list[str]:
    """Name what keeps readers from rows or columns of a table, and goes when it is made anew."""
    rows = [f"row access policy {name}" for name in jobs.row_policies(table)]
    columns = [
        f"the policy of column {each.name}"
        for each in table.schema
        if (each.policy_tags and each.policy_tags.names) or each.data_policies
    ]
    return rows + columns


def label(jobs: Jobs, place: Place, release: str) -> None:
    """Say on the public dataset which release it is."""
    found = jobs.dataset(f"{place.project}.{place.dataset}")
    if found is not None and found.labels.get("release") != release:
        found.labels = {**found.labels, "release": release}
        jobs.client.update_dataset(found, ["labels"], **jobs.calls)


def _add(jobs: Jobs, name: str, entries: Sequence[AccessEntry]) -> None:
    """Add what is missing, until it is read back; what somebody else changes meanwhile stays."""
    for _ in range(ATTEMPTS):
        found = jobs.client.get_dataset(name, **jobs.calls)
        there = list(found.access_entries)
        missing = [each for each in entries if not any(_covers(one, each) for one in there)]
        if not missing:
            return
        found.access_entries = [*there, *missing]
        with suppress(PreconditionFailed):
            jobs.client.update_dataset(found, ["access_entries"], **jobs.calls)
    _refuse(name, "its grants are others whenever they are read back; run again")


def _entry(reader: Reader) -> AccessEntry:
    return AccessEntry("READER", *reader)


def _views_of(place: Place) -> AccessEntry:
    reference = {"projectId": place.project, "datasetId": place.dataset}
    return AccessEntry(None, "dataset", {"dataset": reference, "targetTypes": ["VIEWS"]})


def _lets(dataset: Dataset, reader: Reader) -> bool:
    return any(_covers(each, _entry(reader)) for each in dataset.access_entries)


def _open_to(dataset: Dataset, readers: Sequence[Reader]) -> str:
    """Name everyone who may do anything in a dataset that is not for everybody; nothing if nobody."""
    if EVERYBODY in readers:
        return ""
    there = {str(each.entity_id) for each in dataset.access_entries if each.role}
    return next((each for each in EVERYONE if each in there), "")


def _covers(there: AccessEntry, wanted: AccessEntry) -> bool:
    is_enough = there.role in READING if wanted.role else there.role is None
    return is_enough and _same(there, wanted)


def _same(there: AccessEntry, wanted: AccessEntry) -> bool:
    return (there.entity_type, there.entity_id) == (wanted.entity_type, wanted.entity_id)


def _refuse(dataset: str, reason: str) -> None:
    raise StoreUnusable("bigquery", dataset, reason)
