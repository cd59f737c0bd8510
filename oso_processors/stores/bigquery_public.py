"""What readers see: how a name is made, what it shows during a switch, and what is left after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.cloud.bigquery import SchemaField

from oso_processors.stores import Output
from oso_processors.stores import bigquery_access as access
from oso_processors.stores import bigquery_limits as limits
from oso_processors.stores import bigquery_shape as shape
from oso_processors.stores.bigquery_jobs import Jobs


class Public:
    """The dataset that readers see."""

    def __init__(self, jobs: Jobs, place: shape.Place) -> None:
        """Use ``jobs`` for the dataset of ``place``."""
        self._jobs = jobs
        self._place = place

    def kinds(self) -> dict[str, shape.Kind | None]:
        """Return what is there under each name; None for what we did not make."""
        listed = self._jobs.listed(f"{self._place.project}.{self._place.dataset}")
        return {name: self._kind(each) for name, each in listed.items()}

    def _kind(self, listed: Any) -> shape.Kind | None:
        if not shape.MADE_BY.items() <= listed.labels.items():
            return None
        return "view" if listed.table_type == "VIEW" else "table"

    def ready(self, served: Sequence[Output], outputs: Sequence[Output]) -> None:
        """Raise `StoreUnusable` for what readers cannot be shown instead of ``served``; change nothing."""
        kinds, old = self.kinds(), {each.name: each for each in served}
        wanted: dict[str, shape.Kind] = {}
        for output in outputs:
            now, before = kinds.get(output.name), old.get(output.name)
            if output.name in kinds and now is None:
                reason = "is there already and was made by somebody else; rename it"
                limits.refuse(self._place.public(output.name), reason)
            limits.refuse_options(output, now)
            limits.refuse_other_types(before, output)
            if before is not None and now is not None:
                self._refuse_less_guarded(before, output, now)
            wanted[output.name] = shape.kind_of(output, now, output.byte_count)
        limits.refuse_too_many(wanted)
        for name in kinds.keys() - wanted.keys():
            if kinds[name] == "table":
                self._refuse_guarded(self._jobs.table(self._place.public(name)))

    def _refuse_less_guarded(self, old: Output, new: Output, kind: shape.Kind) -> None:
        """Raise `StoreUnusable` where a guarded table is followed by another, which nothing guards."""
        if kind == "table" and not shape.is_grown(old, new):
            self._refuse_guarded(self._jobs.table(self._place.public(new.name)))
        if kind == "view" and old.digest != new.digest:
            self._refuse_guarded(self._jobs.table(self._place.behind(old)))

    def _refuse_guarded(self, table: Any) -> None:
        guards = access.guards(self._jobs, table) if table is not None else []
        if guards:
            limits.refuse(
                f"{table.project}.{table.dataset_id}.{table.table_id}",
                f"would lose {', '.join(guards)}, and readers see more from then on; take that away if"
                " they may, or keep its name and columns, with new ones at their end",
            )

    def stage(
        self, old: Output | None, new: Output, kind: shape.Kind, release: str, token: str
    ) -> bool:
        """Prepare a name for the transaction, with readers none the wiser; say whether that copies rows.

        A name that is not served yet is made whole beforehand. A column whose type changes cannot be
        seen as both at one moment, so that such a name follows right after the transaction.
        """
        name = self._place.public(new.name)
        found = self._jobs.table(name)
        if old is None or found is None:
            self._make(name, new, kind, release, found)
            return False
        if shape.retyped(old, new):
            return False
        if kind == "view":
            if old.digest != new.digest:
                query = shape.guarded_view(self._place, old, new, token)
                self._replace(name, shape.create_view(name, old, found.labels, query))
            return False
        there = {each.name for each in found.schema}
        if added := [each for each in shape.schema(new) if each.name not in there]:
            found.schema = [*found.schema, *added]
            self._jobs.client.update_table(found, ["schema"], **self._jobs.calls)
        return old.checksum != new.checksum or shape.columns(old) != shape.columns(new)

    def settle(self, output: Output, kind: shape.Kind, release: str) -> None:
        """Let a name show what the release that is served says, and nothing else."""
        name = self._place.public(output.name)
        found = self._jobs.table(name)
        if found is None or not self._is_settled(found, output, kind):
            self._make(name, output, kind, release, found)
            found = self._jobs.client.get_table(name, **self._jobs.calls)
        self.describe(found, output, {**found.labels, **shape.labels(output, release)})

    def _is_settled(self, found: Any, output: Output, kind: shape.Kind) -> bool:
        if kind == "view":
            plain = shape.plain_view(self._place, output)
            return shape.squeezed(found.view_query) == shape.squeezed(plain)
        return shape.named_types(found.schema) == shape.columns(output)

    def _make(self, name: str, output: Output, kind: shape.Kind, release: str, found: Any) -> None:
        labels = {**(found.labels if found else {}), **shape.labels(output, release)}
        if kind == "view":
            query = shape.plain_view(self._place, output)
            statement = shape.create_view(name, output, labels, query)
        else:
            self._refuse_guarded(found)
            statement = shape.create_table(self._place, name, output, labels)
        self._replace(name, statement, is_there=found is not None)

    def _replace(self, name: str, statement: str, is_there: bool = True) -> None:
        """Make a name anew; what others were granted on it stays."""
        before = self._grants(name) if is_there else None
        self._jobs.query(statement)
        if before is not None and before.bindings != (now := self._grants(name)).bindings:
            now.bindings = before.bindings
            self._jobs.client.set_iam_policy(name, now, **self._jobs.calls)

    def _grants(self, name: str) -> Any:
        return self._jobs.client.get_iam_policy(name, **self._jobs.calls)

    def describe(self, found: Any, output: Output, labels: Mapping[str, str]) -> None:
        """Put the words of ``output``, and ``labels``, on the table or view that was ``found``."""
        changed = []
        words = {each.name: each.description for each in shape.schema(output)}
        if any(words.get(each.name) != (each.description or "") for each in found.schema):
            found.schema = [_worded(each, words.get(each.name)) for each in found.schema]
            changed.append("schema")
        description = shape.cut(output.table.description, shape.TABLE_WORDS)
        if (found.description or "") != description:
            found.description = description
            changed.append("description")
        if found.labels != labels:
            found.labels = labels
            changed.append("labels")
        if found.table_type == "TABLE" and found.clustering_fields != shape.clustering(output):
            found.clustering_fields = shape.clustering(output)
            changed.append("clustering_fields")
        if changed:
            self._jobs.client.update_table(found, changed, **self._jobs.calls)

    def drop_others(self, names: Iterable[str]) -> None:
        """Remove the names that the release does not have; what we did not make stays."""
        wanted = set(names)
        for name, kind in self.kinds().items():
            if kind is not None and name not in wanted:
                place = self._place.public(name)
                self._jobs.client.delete_table(place, not_found_ok=True, **self._jobs.calls)


def _worded(field: SchemaField, description: str | None) -> SchemaField:
    return SchemaField.from_api_repr({**field.to_api_repr(), "description": description})
