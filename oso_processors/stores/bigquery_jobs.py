"""The calls that the BigQuery store makes, each with its retries, and what is left of them as one line.

Google's client tries again what may pass; what does not pass in `patience` seconds is told with what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from google.api_core.exceptions import (
    Conflict,
    GoogleAPICallError,
    GoogleAPIError,
    NotFound,
    RetryError,
)
from google.auth.exceptions import GoogleAuthError
from google.cloud.bigquery import (
    DEFAULT_RETRY,
    Client,
    CopyJobConfig,
    Dataset,
    LoadJobConfig,
    QueryJobConfig,
    ScalarQueryParameter,
    SchemaField,
    Table,
)
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY
from google.cloud.bigquery.table import TableListItem

from oso_processors.errors import StoreUnusable

# Requests that Google's client gives up are of these; an answer that does not come is an OSError.
TROUBLE = (GoogleAPIError, GoogleAuthError, OSError, duckdb.Error)
PATIENCE = 120.0
REQUEST_SECONDS = 60.0
JOB_SECONDS = 6 * 3600.0
UPLOAD_RETRIES = 6
# How often a table may be filled for one release: its jobs keep their names for half a year.
LOADS = 20
PASSING = frozenset({"backendError", "internalError", "rateLimitExceeded", "jobBackendError"})
ADVICE = {
    "accessDenied": "make the account Data Owner of both datasets and Job User of the project",
    "billingNotEnabled": "enable billing, without which BigQuery changes no rows",
    "quotaExceeded": "wait for the quota and run again",
    "rateLimitExceeded": "wait a minute and run again",
    404: "see that it is there",
    409: "run again",
    412: "somebody changed it meanwhile, run again",
    429: "wait a minute and run again",
}


class Jobs:
    """One client, with one patience for all that it is asked."""

    def __init__(self, client: Client, patience: float = PATIENCE) -> None:
        """Use ``client``, and let each call try for ``patience`` seconds."""
        self.client = client
        self.calls: dict[str, Any] = {
            "retry": DEFAULT_RETRY.with_timeout(patience),
            "timeout": min(REQUEST_SECONDS, patience),
        }
        self._job_retry = DEFAULT_JOB_RETRY.with_timeout(2 * patience)
        self._upload_retries = UPLOAD_RETRIES if patience == PATIENCE else 1

    def dataset(self, name: str) -> Dataset | None:
        """Return a dataset, if it is there."""
        try:
            return self.client.get_dataset(name, **self.calls)
        except NotFound:
            return None

    def table(self, name: str) -> Table | None:
        """Return what is known of a table or view, if it is there."""
        try:
            return self.client.get_table(name, **self.calls)
        except NotFound:
            return None

    def listed(self, dataset: str) -> dict[str, TableListItem]:
        """Return the tables and views of a dataset, none where it is not there."""
        try:
            found = list(self.client.list_tables(dataset, **self.calls))
        except NotFound:
            return {}
        return {each.table_id: each for each in found}

    def rows(self, table: str, schema: Sequence[SchemaField]) -> list[Any]:
        """Return the rows of a small table, without a query; none where it is not there."""
        try:
            return list(self.client.list_rows(table, selected_fields=schema, **self.calls))
        except NotFound:
            return []

    def row_policies(self, table: Table) -> list[str]:
        """Name the policies that let readers see some rows only; Google's client does not list them."""
        client: Any = self.client
        place = f"{table.path}/rowAccessPolicies"
        ask = partial(client._connection.api_request, method="GET", path=place)
        found = self.calls["retry"](ask)(timeout=self.calls["timeout"])
        listed = found.get("rowAccessPolicies", [])
        return [each["rowAccessPolicyReference"]["policyId"] for each in listed]

    def query(self, sql: str, **parameters: str | int | bool) -> list[Any]:
        """Run a statement or a script, and return the rows of a query."""
        kinds = {str: "STRING", bool: "BOOL", int: "INT64"}
        config = QueryJobConfig(
            query_parameters=[
                ScalarQueryParameter(name, kinds[type(value)], value)
                for name, value in parameters.items()
            ]
        )
        return list(self._rows(sql, config))

    def blocks(self, sql: str) -> Iterator[Any]:
        """Give the rows of a query as Arrow's batches, a few of which are in memory at a time."""
        rows = self._rows(sql)
        client: Any = self.client
        # None where rows can be had by the slower way alone.
        reader = client._ensure_bqstorage_client()
        try:
            yield from rows.to_arrow_iterable(bqstorage_client=reader)
        finally:
            if reader is not None:
                reader.transport.close()

    def load(self, path: Path, table: str, config: LoadJobConfig, name: str) -> None:
        """Load a Parquet file into a new table, by a job that a run after a crash finds again."""
        self._fill(table, name, self._upload(path, table, config))

    def copy(self, source: str, table: str, name: str) -> None:
        """Copy a table into a new one, likewise."""

        def start(job_id: str) -> Any:
            config = CopyJobConfig(write_disposition="WRITE_EMPTY")
            return self.client.copy_table(
                source, table, job_id=job_id, job_config=config, **self.calls
            )

        self._fill(table, name, start)

    def make(self, sql: str, table: str, name: str) -> None:
        """Make a table by a statement, likewise."""

        def start(job_id: str) -> Any:
            return self.client.query(sql, job_id=job_id, job_retry=None, **self.calls)

        self._fill(table, name, start)

    def is_done(self, name: str) -> bool:
        """Say whether a job of that name filled its table."""
        for attempt in range(LOADS):
            try:
                job: Any = self.client.get_job(f"{name}_{attempt}", **self.calls)
            except NotFound:
                return False
            if job.state == "DONE" and job.error_result is None:
                return True
        return False

    def _rows(self, sql: str, config: QueryJobConfig | None = None) -> Any:
        """Run a statement or a script, and return what reads its rows."""
        # To start it is tried for as long as all else: told of jobs that fail once they run, Google's client
        # would try that for ten minutes.
        job = self.client.query(sql, job_config=config, job_retry=None, **self.calls)
        return job.result(retry=self.calls["retry"], timeout=JOB_SECONDS, job_retry=self._job_retry)

    def _fill(self, table: str, name: str, start: Callable[[str], Any]) -> None:
        """Fill a new table by one job, whose name is of what it does and not of when."""
        for attempt in range(LOADS):
            job, is_ours = self._job(f"{name}_{attempt}", start)
            try:
                job.result(retry=self.calls["retry"], timeout=JOB_SECONDS)
            except GoogleAPICallError as error:
                # Of an earlier run, or none of our making: the next one may do.
                if is_ours and _reason(error) not in PASSING:
                    raise
            else:
                if is_ours or self.table(table) is not None:
                    return
        raise StoreUnusable("bigquery", table, f"was filled {LOADS} times and is not there")

    def _upload(self, path: Path, table: str, config: LoadJobConfig) -> Callable[[str], Any]:
        def upload(job_id: str) -> Any:
            with path.open("rb") as file:
                return self.client.load_table_from_file(
                    file,
                    table,
                    job_id=job_id,
                    job_config=config,
                    num_retries=self._upload_retries,
                    timeout=self.calls["timeout"],
                )

        return upload

    def _job(self, job_id: str, start: Callable[[str], Any]) -> tuple[Any, bool]:
        """Return the job of that name, and whether this call started it."""
        try:
            return self.client.get_job(job_id, **self.calls), False
        except NotFound:
            pass
        try:
            return start(job_id), True
        except Conflict:
            # The answer to the first request was lost, and the second one found the job.
            return self.client.get_job(job_id, **self.calls), False


@contextmanager
def told(place: str, way_out: str = "") -> Iterator[None]:
    """Say what BigQuery, or the engine that feeds it, refuses in one line with what to do.

    ``way_out`` is what else can be done.
    """
    try:
        yield
    except TROUBLE as error:
        raise StoreUnusable("bigquery", place, f"{_why(error)}{way_out}") from error


def _why(error: BaseException) -> str:
    cause = error.cause if isinstance(error, RetryError) else None
    found = cause or error
    if not isinstance(found, GoogleAPICallError):
        words = _first_line(str(found) or type(found).__name__)
        is_local = isinstance(found, duckdb.Error)
        return words if is_local else f"{words}; see that Google can be reached, and run again"
    said = _first_line(str(found.errors[0].get("message") if found.errors else found.message))
    code = int(found.code or 500)
    default = "Google's side fails, run again later" if code >= 500 else "mend that, and run again"
    return f"{code} {said}; {ADVICE.get(_reason(found)) or ADVICE.get(code, default)}"


def _reason(error: GoogleAPICallError) -> str:
    return str(error.errors[0].get("reason", "")) if error.errors else ""


def _first_line(words: str) -> str:
    return next(iter(words.strip().splitlines()), "no answer").partition("; reason: ")[0]
