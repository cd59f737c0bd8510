"""Publish in BigQuery: content-named tables behind what readers see, switched by one transaction.

Readers see one dataset; the rows lie in another, `<dataset>_store`, in tables that are named for their
content. Small outputs are tables of their own whose rows the transaction replaces, large ones are views.
A view cannot be replaced in a transaction, so before it each one is made to show the old rows until the
new release is served, and the new ones from then on: the row that says so changes in the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
from google.cloud.bigquery import Client, LoadJobConfig
from google.cloud.bigquery.format_options import ParquetOptions

from oso_processors import checksum
from oso_processors.bigquery import BigQuery
from oso_processors.errors import Mismatch, StoreUnusable
from oso_processors.sql import literal
from oso_processors.stores import (
    Manifest,
    Measured,
    Output,
    bigquery_access,
    bigquery_copying,
    bigquery_drift,
    bigquery_public,
)
from oso_processors.stores import bigquery_limits as limits
from oso_processors.stores import bigquery_shape as shape
from oso_processors.stores.bigquery_jobs import PATIENCE, Jobs, told
from oso_processors.stores.bigquery_releases import Kept, Releases, token_of
from oso_processors.stores.bigquery_tables import BigQueryTable

# Unless the dataset says otherwise.
TIME_TRAVEL_HOURS = 168
WAY_OUT = (
    "; {release} is served, but what its switch needed is still there, and the next release waits for"
    " it; if it stays so, drop this name and run again: it is made anew from what is kept"
)


class BigQueryStore:
    """The BigQuery store in the dataset that the settings name."""

    name = "bigquery"

    def __init__(
        self,
        client: Client,
        settings: BigQuery,
        scratch: Path,
        say: Callable[[str], None],
        patience: float = PATIENCE,
    ) -> None:
        """Use ``client``; files to upload are written in ``scratch``, and choices told to ``say``."""
        self._jobs = Jobs(client, patience)
        self._settings = settings
        self._place = shape.Place(settings.project, str(settings.dataset))
        self._public = bigquery_public.Public(self._jobs, self._place)
        self._releases = Releases(self._jobs, self._place)
        self._scratch = scratch
        self._say = say

    def close(self) -> None:
        """Let go of the connections."""
        client: Any = self._jobs.client
        client.close()

    def served(self) -> Manifest | None:
        """Return the release that readers see."""
        row = self._releases.served()
        return row.manifest if row else None

    def kept(self) -> Sequence[Manifest]:
        """Return the release served, and those before it whose tables are all there."""
        served, there = self.served(), self._tables()
        if served is None:
            return []
        older = [
            row.manifest
            for row in self._releases.rows()
            if row.manifest.number < served.number and _tables_of(row.manifest) <= there
        ]
        return [served, *older]

    def ready(self, outputs: Sequence[Output]) -> None:
        """Raise `StoreUnusable` when the names are somebody else's, or BigQuery would not take them."""
        with told(self._place.dataset):
            bigquery_access.refuse_what_is_not_ours(
                self._jobs, self._place, self._settings.location, self._settings.readers
            )
            served = self.served()
            self._public.ready(served.outputs(self.name) if served else [], outputs)

    def build(
        self, connection: duckdb.DuckDBPyConnection, release: Manifest, output: Output
    ) -> None:
        """Fill the table beside what is served, by one job: it is there whole or not at all.

        What models have in BigQuery never leaves it.
        """
        name = self._place.behind(output)
        with told(output.name):
            found = self._jobs.table(name)
            if found is None or found.num_rows != output.row_count:
                self._load(connection, release, output)
                found = self._jobs.client.get_table(name, **self._jobs.calls)
            # A run that was cut off between the two leaves rows without words.
            self._public.describe(
                found, output, {**shape.labels(output, release.id), **found.labels}
            )

    def measure(self, release: Manifest, output: Output) -> Measured:
        """Read back the table that was built."""
        with told(output.name):
            name = self._place.behind(output)
            found = self._jobs.client.get_table(name, **self._jobs.calls)
            [row] = self._jobs.query(checksum.bigquery_sql(output.table, shape.quoted(name)))
            [(is_unique,)] = self._jobs.query(shape.grain_is_unique(output, name))
            return Measured(checksum.text(tuple(row)), _columns(output, found), bool(is_unique))

    def publish(self, release: Manifest, outputs: Sequence[Output]) -> None:
        """Let readers see ``release``, by one transaction."""
        self._show(release)

    def switch(self, release: Manifest) -> None:
        """Let readers see the tables of a kept release again."""
        self._releases.row(release)
        self.ready(release.outputs(self.name))
        self._show(release)

    def source(self, release: Manifest, name: str) -> str | None:
        """Its rows are read by BigQuery alone."""
        return None

    def drift(self, release: Manifest) -> list[str]:
        """Compare the tables, and what readers see when they see ``release``."""
        with told(release.id):
            row = self._releases.row(release)
            readers = self._settings.readers if row.is_served else None
            lines = bigquery_drift.found(self._jobs, self._place, release, row.kinds, readers)
            return [f"{self.name}: {line}" for line in lines]

    def holder(self) -> str | None:
        """Nobody: BigQuery has no locks, and the lock of the files is held meanwhile."""
        return None

    def left_over(self) -> list[str]:
        """Name the tables that no release needs, and a switch that was not tidied up after."""
        row = self._releases.served()
        switch = ["what a switch needed while it lasted"] if row and not row.is_tidy else []
        return switch + [f"{self._place.store}.{name}" for name in self._unneeded(self.kept())]

    def outlasting(self) -> Mapping[str, timedelta]:
        """Tables can be had again for as long as the time travel of their dataset lasts."""
        found = {}
        for name in (self._place.dataset, self._place.store):
            with told(name):
                dataset = self._jobs.dataset(f"{self._place.project}.{name}")
            if dataset is not None:
                hours = int(dataset.max_time_travel_hours or TIME_TRAVEL_HOURS)
                found[name] = timedelta(hours=hours)
        return found

    def sweep(self, keep: Iterable[Manifest]) -> None:
        """Drop the tables that no release in ``keep`` needs, and forget the other releases."""
        self._tidy()
        wanted = list(keep)
        rows = self._releases.rows()
        stay = [each for each in rows if each.is_served or each.manifest in wanted]
        with told(self._place.store):
            for row in rows:
                if row not in stay:
                    # Forgotten first: what is listed is whole.
                    self._releases.forget(row)
            for name in self._unneeded(each.manifest for each in stay):
                place = f"{self._place.project}.{self._place.store}.{name}"
                self._jobs.client.delete_table(place, not_found_ok=True, **self._jobs.calls)

    def _show(self, release: Manifest) -> None:
        outputs = release.outputs(self.name)
        if not _tables_of(release) <= self._tables():
            raise StoreUnusable(self.name, release.id, "is not kept whole")
        self._tidy()
        with told(self._place.dataset):
            kinds = self._kinds(outputs)
            limits.refuse_too_many(kinds)
            bigquery_access.grant(
                self._jobs, self._place, self._settings.location, self._settings.readers
            )
            self._releases.make()
            before = self._releases.served()
            if before is not None:
                # Whatever happens from here on, the next run takes away what is left of it.
                self._releases.mark(before, is_tidy=False)
            copied = self._staged(release, before, kinds)
            self._releases.commit(release, kinds, before, copied)
        with suppress(StoreUnusable):
            # It is served. The sweep, or the next run, says what cannot be taken away.
            self._tidy()

    def _staged(
        self, release: Manifest, before: Kept | None, kinds: Mapping[str, shape.Kind]
    ) -> list[Output]:
        """Prepare every name for the transaction, and return the outputs whose rows it copies."""
        old = {e.name: e for e in before.manifest.outputs(self.name)} if before else {}
        there, token, copied = self._tables(), token_of(release), []
        for output in release.outputs(self.name):
            kind = kinds[output.name]
            shown = _shown(old.get(output.name), kind, there)
            if self._public.stage(shown, output, kind, release.id, token):
                copied.append(output)
        return copied

    def _tidy(self) -> None:
        """Take away what a switch needs only while it lasts, of this run or one that was cut off, and
        make the names anew that somebody dropped."""
        row = self._releases.served()
        if row is None:
            return
        release, outputs = row.manifest, row.manifest.outputs(self.name)
        with told(self._place.dataset):
            seen = self._public.kinds()
        if row.is_tidy and {each.name for each in outputs} <= seen.keys():
            return
        there = self._tables()
        for output in outputs:
            # What has lost its table stays as it is; `drift` names it, and the next release mends it.
            if shape.table_of(output) in there:
                name = self._place.public(output.name)
                with told(name, WAY_OUT.format(release=release.id)):
                    self._public.settle(output, row.kinds[output.name], release.id)
        with told(self._place.dataset):
            self._public.drop_others(each.name for each in outputs)
            bigquery_access.label(self._jobs, self._place, release.id)
            self._releases.mark(row, is_tidy=True)

    def _kinds(self, outputs: Sequence[Output]) -> dict[str, shape.Kind]:
        """Return how readers see each output, and tell it of those that they did not see before."""
        kinds: dict[str, shape.Kind] = {}
        new: dict[shape.Kind, list[str]] = {"table": [], "view": []}
        there = self._public.kinds()
        for output in outputs:
            now = there.get(output.name)
            found = self._jobs.table(self._place.behind(output)) if now is None else None
            byte_count = int(found.num_bytes or 0) if found else 0
            kinds[output.name] = shape.kind_of(output, now, byte_count)
            if now is None:
                new[kinds[output.name]].append(f"{output.name} ({byte_count:,} bytes)")
        for kind, names in new.items():
            if names:
                how = "copied into tables at each release" if kind == "table" else "shown by views"
                self._say(f"bigquery: {how}: {', '.join(names)}")
        return kinds

    def _load(
        self, connection: duckdb.DuckDBPyConnection, release: Manifest, output: Output
    ) -> None:
        dataset = f"{self._place.project}.{self._place.store}"
        bigquery_access.make(self._jobs, dataset, self._settings.location)
        name, table = self._place.behind(output), shape.table_of(output)
        self._jobs.client.delete_table(name, not_found_ok=True, **self._jobs.calls)
        job = f"oso_{self._place.dataset}_{table}_{release.id}"
        if isinstance(output.table.elsewhere, BigQueryTable):
            bigquery_copying.fill(self._jobs, self._place, output, output.table.elsewhere, job)
            return
        path = self._scratch / f"{table}.parquet"
        try:
            self._write(connection, output, path)
            self._jobs.load(path, name, _load_config(output), job)
        finally:
            path.unlink(missing_ok=True)

    def _write(self, connection: duckdb.DuckDBPyConnection, output: Output, path: Path) -> None:
        """Write the rows as Parquet; raise `StoreUnusable` for what BigQuery does not keep."""
        for column in output.table.columns:
            if checksum.kind(column, output.name) == "texts":
                _refuse_nulls(connection, output, column.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = output.brought(output.table.query)
        row = connection.execute(
            f"COPY ({rows}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)"
        ).fetchone()
        written = int(row[0]) if row else 0
        if written != output.row_count:
            expected, found = f"{output.row_count:,}", f"{written:,}"
            raise Mismatch(self.name, output.name, "the number of rows written", expected, found)

    def _tables(self) -> set[str]:
        """Return the tables that hold rows; whatever else lies there is not ours."""
        with told(self._place.store):
            listed = self._jobs.listed(f"{self._place.project}.{self._place.store}")
        return {name for name in listed if shape.TABLE.fullmatch(name)}

    def _unneeded(self, releases: Iterable[Manifest]) -> list[str]:
        wanted = set[str]().union(*map(_tables_of, releases))
        return sorted(self._tables() - wanted)


def _tables_of(release: Manifest) -> set[str]:
    return {shape.table_of(each) for each in release.outputs("bigquery")}


def _shown(old: Output | None, kind: shape.Kind, there: Collection[str]) -> Output | None:
    """Return what readers see under a name: nothing where a view has lost its table."""
    is_there = old is not None and (kind == "table" or shape.table_of(old) in there)
    return old if is_there else None


def _load_config(output: Output) -> LoadJobConfig:
    config = LoadJobConfig(
        source_format="PARQUET",
        create_disposition="CREATE_IF_NEEDED",
        write_disposition="WRITE_EMPTY",
        schema=shape.schema(output),
        time_partitioning=shape.partitioning(output),
        clustering_fields=shape.clustering(output),
    )
    config.parquet_options = ParquetOptions.from_api_repr({"enableListInference": True})
    return config


def _refuse_nulls(connection: duckdb.DuckDBPyConnection, output: Output, column: str) -> None:
    """Raise `StoreUnusable` for what a list of BigQuery cannot tell from an empty list, or not hold."""
    [(count,)] = connection.execute(
        f'SELECT count(*) FROM ({output.table.query}) WHERE "{column}" IS NULL'
        f' OR len(list_filter("{column}", lambda each: each IS NULL)) > 0'
    ).fetchall()
    if count:
        reason = (
            f"{column}: {count:,} rows hold NULL instead of a list or in one, which BigQuery does not"
            " keep; write an empty list in the model, or leave the NULL out"
        )
        raise StoreUnusable("bigquery", output.name, reason)


def _columns(output: Output, found: Any) -> list[str]:
    """Return the columns as the warehouse says them, where the type is the one that belongs."""
    wanted = {each.name: shape.typed(each) for each in shape.schema(output)}
    types = {each.name: each.type for each in output.table.columns}
    return [
        f"{each.name} {types[each.name] if wanted.get(each.name) == kind else kind}"
        for each in found.schema
        for kind in [shape.typed(each)]
    ]
