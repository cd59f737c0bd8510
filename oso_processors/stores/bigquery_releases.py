"""Which releases are kept and which one is served: rows of `_releases` beside the tables of the rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud.bigquery import Table

from oso_processors.errors import ReleaseUnreadable, StoreUnusable
from oso_processors.stores import Manifest, Output
from oso_processors.stores import bigquery_shape as shape
from oso_processors.stores.bigquery_jobs import TROUBLE, Jobs, told


@dataclass(frozen=True, slots=True)
class Kept:
    """A release that is kept; `kinds` says of each name whether readers see a table or a view.

    It is tidy once nothing is left of a switch from or to it.
    """

    manifest: Manifest
    token: str
    kinds: Mapping[str, shape.Kind]
    is_served: bool
    is_tidy: bool


class Releases:
    """The table `_releases`, which readers do not see."""

    def __init__(self, jobs: Jobs, place: shape.Place) -> None:
        """Use ``jobs`` for the table of ``place``."""
        self._jobs = jobs
        self._place = place
        self._name = shape.quoted(place.releases)

    def make(self) -> None:
        """Make the table where it is not there."""
        table = Table(self._place.releases, schema=shape.RELEASES)
        self._jobs.client.create_table(table, exists_ok=True, **self._jobs.calls)

    def rows(self) -> list[Kept]:
        """Return what is kept, the newest first; nothing is billed for it."""
        with told(self._place.releases):
            rows = self._jobs.rows(self._place.releases, shape.RELEASES)
        found = [_kept(row) for row in rows]
        return sorted(found, key=lambda each: -each.manifest.number)

    def served(self) -> Kept | None:
        """Return the release that readers see."""
        return next((each for each in self.rows() if each.is_served), None)

    def row(self, release: Manifest) -> Kept:
        """Return what is kept of ``release``; raise `StoreUnusable` when nothing is."""
        found = next((each for each in self.rows() if each.manifest == release), None)
        if found is None:
            raise StoreUnusable("bigquery", release.id, "is not kept")
        return found

    def mark(self, row: Kept, is_tidy: bool) -> None:
        """Write down whether something is left over that the next run has to take away."""
        if row.is_tidy != is_tidy:
            self._jobs.query(
                f"UPDATE {self._name} SET is_tidy = @is_tidy WHERE token = @token",
                is_tidy=is_tidy,
                token=row.token,
            )

    def forget(self, row: Kept) -> None:
        """Keep a release no more, unless it is served."""
        self._jobs.query(
            f"DELETE FROM {self._name} WHERE NOT is_served AND token = @token", token=row.token
        )

    def commit(
        self,
        release: Manifest,
        kinds: Mapping[str, shape.Kind],
        before: Kept | None,
        copied: Sequence[Output],
    ) -> None:
        """Serve ``release`` instead of ``before``, and with it the rows of what is ``copied``."""
        try:
            self._jobs.query(
                shape.commit(self._place, copied),
                before=before.token if before else "",
                number=release.number,
                token=token_of(release),
                manifest=json.dumps(release.body()),
                kinds=json.dumps(kinds),
            )
        except TROUBLE:
            # An answer that was lost may have been that it is done.
            now = self.served()
            if now is None or now.token != token_of(release):
                raise


def _kept(row: Any) -> Kept:
    try:
        manifest = Manifest.from_body(json.loads(row["manifest"]))
        kinds = json.loads(row["kinds"])
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseUnreadable("bigquery", "_releases", f"{row['token']}: {error}") from error
    return Kept(manifest, row["token"], kinds, row["is_served"], row["is_tidy"])


def token_of(release: Manifest) -> str:
    """Name what a release is; two that have one number have two tokens."""
    return hashlib.sha256(json.dumps(release.body(), sort_keys=True).encode()).hexdigest()[:16]
