"""BigQuery itself: how it is reached. Google's libraries are loaded when it is, and not before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from oso_processors.catalog import catalog_of
from oso_processors.errors import BigQueryUnavailable, InvalidSetting

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

# Who may read a dataset: the kind of reader, as BigQuery's API names it, and who.
Reader = tuple[str, str]
EVERYBODY: Reader = ("specialGroup", "allAuthenticatedUsers")
READERS = {
    "user": "userByEmail",
    "serviceAccount": "userByEmail",
    "group": "groupByEmail",
    "domain": "domain",
}


@dataclass(frozen=True, slots=True)
class BigQuery:
    """A project of BigQuery; without a `keyfile`, application-default credentials open it.

    `dataset` is where releases are published, None where they are not; `readers` may read it.
    """

    project: str
    location: str = "US"
    keyfile: str | None = None
    price_per_tib: Decimal = Decimal("6.25")
    dataset: str | None = None
    readers: tuple[Reader, ...] = (EVERYBODY,)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> BigQuery:
        """Read the ``OSO_BIGQUERY_…`` settings; raise `InvalidSetting`."""
        if not environ.get("OSO_BIGQUERY_PROJECT"):
            raise InvalidSetting("OSO_BIGQUERY_PROJECT", "", "must name BigQuery's project")
        return cls(
            project=catalog_of(environ),
            location=environ.get("OSO_BIGQUERY_LOCATION") or "US",
            keyfile=environ.get("OSO_BIGQUERY_KEYFILE") or None,
            price_per_tib=_price(environ.get("OSO_BIGQUERY_PRICE_PER_TIB") or "6.25"),
            dataset=_dataset(environ.get("OSO_BIGQUERY_DATASET") or None),
            readers=_readers(environ.get("OSO_BIGQUERY_READERS") or EVERYBODY[1]),
        )

    def connect(self) -> Client:
        """Return Google's own client; raise `BigQueryUnavailable`."""
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import bigquery
        from google.oauth2 import service_account

        try:
            if self.keyfile is None:
                return bigquery.Client(project=self.project, location=self.location)
            reader: Any = service_account.Credentials
            opened = reader.from_service_account_file(self.keyfile)
            return bigquery.Client(project=self.project, location=self.location, credentials=opened)
        except (GoogleAuthError, OSError, ValueError) as error:
            raise BigQueryUnavailable(self.keyfile or "credentials", str(error)) from error


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal(-1)
    if not price.is_finite() or price < 0:
        raise InvalidSetting("OSO_BIGQUERY_PRICE_PER_TIB", text, "must be a number of dollars")
    return price


def _dataset(name: str | None) -> str | None:
    if name is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,99}", name):
        problem = "is no dataset's name: a letter, then letters, digits and _"
        raise InvalidSetting("OSO_BIGQUERY_DATASET", name, problem)
    return name


def _readers(text: str) -> tuple[Reader, ...]:
    return tuple(_reader(each.strip(), text) for each in text.split(","))


def _reader(name: str, text: str) -> Reader:
    kind, _, who = name.partition(":")
    if name == EVERYBODY[1]:
        return EVERYBODY
    if kind not in READERS or not who:
        known = f"{EVERYBODY[1]}, or {', '.join(f'{each}:…' for each in READERS)}"
        raise InvalidSetting("OSO_BIGQUERY_READERS", text, f"{name!r} is none of {known}")
    return READERS[kind], who
