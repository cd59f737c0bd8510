"""One day of one chain, counted in BigQuery: who called which contract how often, and what it cost.

Traces are counted where Google keeps them. Only the counts leave BigQuery, and of listed contracts only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from oso_processors.bigquery import BigQuery
from oso_processors.errors import BigQueryUnavailable, ConfigFailure, TransientFailure

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

# Chains of seeds/chains.csv that Google has a data set of.
DATASETS = {
    "ARBITRUM_ONE": "bigquery-public-data.goog_blockchain_arbitrum_one_us",
    "MAINNET": "bigquery-public-data.goog_blockchain_ethereum_mainnet_us",
    "MATIC": "bigquery-public-data.goog_blockchain_polygon_mainnet_us",
    "OPTIMISM": "bigquery-public-data.goog_blockchain_optimism_mainnet_us",
}
# Of the others there are receipts, and no traces of what contracts call.
TRACED = frozenset({"MAINNET"})
# Both tables are laid out by block_timestamp, so that a day is all that is paid for.
DAY = "block_timestamp >= @day_start AND block_timestamp < @day_end"
TRACES = f"""
  SELECT transaction_hash, LOWER(action.to_address) AS contract, COUNT(*) AS call_count
  FROM `{{dataset}}.traces`
  WHERE {DAY} AND trace_type = 'call' AND LOWER(action.to_address) IN UNNEST(@contracts)
  GROUP BY transaction_hash, LOWER(action.to_address)"""
NO_TRACES = """
  SELECT transaction_hash, contract, 1 AS call_count
  FROM sent
  WHERE contract IN UNNEST(@contracts)"""
# Two whole numbers of 64 bits, multiplied, are more than that.
FACTS = f"""
WITH sent AS (
  SELECT
    transaction_hash,
    LOWER(from_address) AS caller,
    LOWER(to_address) AS contract,
    CAST(gas_used AS NUMERIC) * CAST(effective_gas_price AS NUMERIC) AS fee
  FROM `{{dataset}}.receipts`
  WHERE {DAY}
), calls AS ({{calls}}
), facts AS (
  SELECT calls.contract, sent.caller, calls.call_count, 0 AS sent_count, CAST(0 AS NUMERIC) AS fee
  FROM calls
  JOIN sent ON sent.transaction_hash = calls.transaction_hash
  UNION ALL
  SELECT contract, caller, 0 AS call_count, 1 AS sent_count, fee
  FROM sent
  WHERE contract IN UNNEST(@contracts)
)
SELECT
  contract,
  caller,
  SUM(call_count) AS invocation_count,
  SUM(sent_count) AS transaction_count,
  SUM(fee) AS gas_fees_wei
FROM facts
GROUP BY contract, caller
UNION ALL
SELECT
  CAST(NULL AS STRING) AS contract,
  CAST(NULL AS STRING) AS caller,
  0 AS invocation_count,
  COUNT(*) AS transaction_count,
  CAST(0 AS NUMERIC) AS gas_fees_wei
FROM sent
"""
PASSING = frozenset({429, 500, 502, 503, 504})
LAST_SECONDS = 600.0


def query_of(chain: str, dataset: str) -> str:
    """Return the query of a day of ``chain``; the row without a contract counts the whole chain."""
    calls = TRACES if chain in TRACED else NO_TRACES
    return FACTS.format(calls=calls.format(dataset=dataset), dataset=dataset)


def connected(config: Mapping[str, Any]) -> Client:
    """Return a client that a project of the operator pays for; raise `ConfigFailure`."""
    place = BigQuery(project=config["project"], keyfile=config.get("keyfile") or None)
    try:
        return place.connect()
    except BigQueryUnavailable as error:
        raise ConfigFailure(str(error)) from None


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain as Google tells it, and what may be read of it at once."""

    client: Client
    name: str
    dataset: str
    max_bytes: int

    def facts(self, day: date, contracts: Collection[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of ``day``; raise `ConfigFailure` or `TransientFailure`."""
        from google.api_core.exceptions import GoogleAPICallError, RetryError

        try:
            job = self.client.query(query_of(self.name, self.dataset), self._config(day, contracts))
            yield from (dict(row.items()) for row in job.result(timeout=LAST_SECONDS))
        except (RetryError, TimeoutError, ConnectionError) as error:
            raise TransientFailure(f"{self.dataset}: {day}: {error}") from None
        except GoogleAPICallError as error:
            kind = TransientFailure if error.code in PASSING else ConfigFailure
            raise kind(f"{self.dataset}: {day}: {error.message}") from None

    def _config(self, day: date, contracts: Collection[str]) -> Any:
        from google.cloud.bigquery import (
            ArrayQueryParameter,
            QueryJobConfig,
            ScalarQueryParameter,
        )

        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return QueryJobConfig(
            maximum_bytes_billed=self.max_bytes,
            query_parameters=[
                ScalarQueryParameter("day_start", "TIMESTAMP", start),
                ScalarQueryParameter("day_end", "TIMESTAMP", start + timedelta(days=1)),
                ArrayQueryParameter("contracts", "STRING", sorted(contracts)),
            ],
        )
