"""BigQuery itself: how it is reached. Google's libraries are loaded when it is, and not before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from oso_processors.catalog import catalog_of
from oso_processors.errors import BigQueryUnavailable, InvalidSetting

if TYPE_CHECKING:
    from google.cloud.bigquery import Client


@dataclass(frozen=True, slots=True)
class BigQuery:
    """A project of BigQuery; without a `keyfile`, application-default credentials open it."""

    project: str
    location: str = "US"
    keyfile: str | None = None
    price_per_tib: Decimal = Decimal("6.25")

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
