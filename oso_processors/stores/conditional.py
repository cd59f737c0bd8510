"""Puts into an object store under the condition that nobody else was quicker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError

if TYPE_CHECKING:
    from obstore import Attributes, ObjectMeta, PutMode, PutResult, UpdateVersion
    from obstore.store import GCSStore, S3Store


# Google's store lets readers of a public object be served an hour-old copy, unless the object says otherwise.
FRESH: Attributes = {"Cache-Control": "no-cache"}


def put_if(
    store: S3Store | GCSStore, name: str, body: bytes, seen: UpdateVersion | None
) -> UpdateVersion | None:
    """Put ``body`` where the object is as it was ``seen``, with None where there is none.

    Return the version put; None when there is another by now.
    """
    try:
        mode: PutMode = "create" if seen is None else seen
        return version(obstore.put(store, name, body, attributes=FRESH, mode=mode))
    except (AlreadyExistsError, PreconditionError):
        # The answer to a put may be lost and the put be sent again: then what is there is ours.
        try:
            found = obstore.get(store, name)
        except FileNotFoundError:
            return None
        return version(found.meta) if bytes(found.bytes()) == body else None


def version(found: PutResult | ObjectMeta) -> UpdateVersion:
    """Return what identifies a version: its ETag in S3, its generation in Google's store."""
    known: UpdateVersion = {}
    if found["e_tag"] is not None:
        known["e_tag"] = found["e_tag"]
    if found["version"] is not None:
        known["version"] = found["version"]
    return known
