"""What a query will cost, before it is run.

BigQuery is paid by the bytes that a query reads, and tells them without running it. The embedded
warehouse costs nothing and does not know them: there, and wherever else they cannot be told, they are
unknown, which is not the same as none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from oso_processors.bigquery import BigQuery
from oso_processors.errors import BigQueryUnavailable, TooManyBytes

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

TIB = 2**40
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one model's query reads; ``bytes`` is None when that is unknown, for the ``reason``."""

    model: str
    bytes: int | None
    reason: str = ""


class Meter(Protocol):
    """Whatever knows what queries read."""

    @property
    def price_per_tib(self) -> Decimal | None:
        """What 2**40 bytes cost in dollars, where that is known."""
        ...

    def estimate(self, queries: Mapping[str, str]) -> list[Cost]:
        """Return the cost of each model's query, given in GoogleSQL by the model's name."""
        ...


@dataclass(frozen=True, slots=True)
class Unmetered:
    """The embedded warehouse: nobody counts what it reads, and nobody pays for it."""

    price_per_tib: Decimal | None = None

    def estimate(self, queries: Mapping[str, str]) -> list[Cost]:
        """Say of every query that its bytes are unknown."""
        reason = "the embedded warehouse does not count bytes"
        return [Cost(model, None, reason) for model in queries]


@dataclass(frozen=True, slots=True)
class DryRuns:
    """BigQuery, asked by dry runs, which are free and read nothing."""

    client: Client
    price_per_tib: Decimal | None = None

    def estimate(self, queries: Mapping[str, str]) -> list[Cost]:
        """Ask for every query; one that BigQuery refuses, as when a table is missing, is unknown.

        Raise `BigQueryUnavailable` when BigQuery cannot be asked at all.
        """
        return [self._ask(model, query) for model, query in queries.items()]

    def _ask(self, model: str, query: str) -> Cost:
        from google.api_core.exceptions import BadRequest, GoogleAPIError, NotFound
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.bigquery import QueryJobConfig
        from requests import RequestException

        # A cached result would read nothing, today.
        config = QueryJobConfig(dry_run=True, use_query_cache=False)
        try:
            job = self.client.query(query, job_config=config)
        except (BadRequest, NotFound) as error:
            return Cost(model, None, error.message.splitlines()[0])
        except (GoogleAPIError, GoogleAuthError, RequestException) as error:
            raise BigQueryUnavailable(self.client.project, str(error)) from error
        return Cost(model, job.total_bytes_processed)


def meter_of(gateway: str, environ: Mapping[str, str]) -> Meter:
    """Return what knows the bytes of a gateway's queries; raise `InvalidSetting`."""
    if gateway != "bigquery":
        return Unmetered()
    settings = BigQuery.from_environ(environ)
    return DryRuns(settings.connect(), settings.price_per_tib)


def total(costs: Iterable[Cost]) -> int:
    """Return the sum of the bytes that are known."""
    return sum(each.bytes or 0 for each in costs)


def require_at_most(costs: Sequence[Cost], max_bytes: int) -> None:
    """Raise `TooManyBytes` when all that ``costs`` know of is more; what is unknown counts as none."""
    if total(costs) > max_bytes:
        dearest = max(costs, key=lambda each: each.bytes or 0)
        read = (shown(total(costs)), shown(dearest.bytes or 0), shown(max_bytes))
        raise TooManyBytes(dearest.model, *read)


def shown(count: int | None) -> str:
    """Return bytes as people read them."""
    if count is None:
        return "unknown"
    size, unit = Decimal(count), UNITS[0]
    for larger in UNITS[1:]:
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:,.0f} {unit}" if unit == UNITS[0] else f"{size:,.1f} {unit}"


def money(count: int | None, price_per_tib: Decimal | None) -> str:
    """Return what bytes cost in dollars, or nothing where either is unknown."""
    if count is None or price_per_tib is None:
        return ""
    return f"${Decimal(count) * price_per_tib / TIB:,.4f}"
