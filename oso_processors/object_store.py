"""Where releases of files lie, as a person names it: a folder, or a prefix in an object store.

How to get in (keys, region, another endpoint) is read from each provider's usual environment variables, and
from a profile of AWS.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from oso_processors import aws_profile
from oso_processors.errors import InvalidSetting

if TYPE_CHECKING:
    from obstore.store import ClientConfig, GCSStore, RetryConfig, S3Config, S3Store

VARIABLE = "OSO_FILES"
ADDRESS = re.compile(r"(s3|gs)://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/(.*))?")
URL = re.compile(r"https?://[^/]")
ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
}
# An object is moved in parts of some megabytes; no server is silent that long on one of them.
SILENT = timedelta(minutes=5)
WHOLE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A prefix in a bucket of S3 (`s3`), or of Google Cloud Storage (`gs`); it may be empty."""

    scheme: str
    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{'/'.join(filter(None, (self.bucket, self.prefix)))}"

    def connect(self, retries: int = 6) -> S3Store | GCSStore:
        """Return the library's store; nothing crosses the network yet.

        Raise `InvalidSetting` where another endpoint is set that is none; the library would panic at it.
        """
        from_profile = aws_profile.options(os.environ) if self.scheme == "s3" else {}
        endpoints = [(each, os.environ.get(each)) for each in ENDPOINTS[self.scheme]]
        for variable, value in (*endpoints, ("endpoint_url", from_profile.get("endpoint"))):
            if value and not URL.match(value):
                raise InvalidSetting(variable, value, "must begin with http:// or https://")
        # Who names no object store does not wait for the library.
        from obstore.store import GCSStore, S3Store

        # An endpoint of one's own may be on this machine; https stays https.
        client: ClientConfig = {"allow_http": True, "timeout": WHOLE, "read_timeout": SILENT}
        retry: RetryConfig = {
            "max_retries": retries,
            "backoff": {"max_backoff": timedelta(seconds=10)},
        }
        prefix = self.prefix or None
        if self.scheme == "gs":
            return GCSStore(self.bucket, prefix=prefix, client_options=client, retry_config=retry)
        config = cast("S3Config", from_profile)
        return S3Store(
            self.bucket, prefix=prefix, config=config, client_options=client, retry_config=retry
        )


def place_of(text: str, root: Path) -> Path | ObjectStore:
    """Return what ``OSO_FILES`` names, a folder below ``root`` where it is relative; raise `InvalidSetting`."""
    if "://" not in text:
        return (root / text).resolve()
    found = ADDRESS.fullmatch(text)
    if found is None:
        raise InvalidSetting(
            VARIABLE, text, "must be a folder, s3://bucket/prefix or gs://bucket/prefix"
        )
    prefix = (found[3] or "").rstrip("/")
    if prefix and any(part in ("", ".", "..") for part in prefix.split("/")):
        raise InvalidSetting(VARIABLE, text, "its prefix has an empty part, or one that is . or ..")
    return ObjectStore(found[1], found[2], prefix)
