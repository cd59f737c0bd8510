"""What is wrong with a model, a query or what runs one."""

from __future__ import annotations

import difflib

from oso_processors.errors.base import OsoError


class NoSuchModel(OsoError):
    """A model was named that the project does not have."""

    exit_code = 2

    def __init__(self, name: str, models: tuple[str, ...]) -> None:
        close = difflib.get_close_matches(name, models, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "name it as in its header: schema.name"
        super().__init__(f"{name}: there is no such model; {hint}")


class NoSuchRevision(OsoError):
    """Git does not know what a change is to be compared with."""

    exit_code = 2

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"{revision}: git knows no such revision here; name another with --base, or name models"
        )


class ModelInvalid(OsoError):
    """A model's query cannot be made, or a test of it cannot be read."""

    def __init__(self, model: str, problem: str) -> None:
        super().__init__(f"{model}: {problem}")
        self.model = model
        self.problem = problem


class QueryRefused(OsoError):
    """GoogleSQL, and so BigQuery, does not take a query; `line` and `column` count from one."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class QueryFailed(OsoError):
    """A query that GoogleSQL takes fails on the rows at hand."""


class NotEvaluable(OsoError):
    """GoogleSQL's reference evaluator cannot execute a query, which BigQuery may well do."""


class BigQueryUnavailable(OsoError):
    """BigQuery cannot be reached, or does not let us in; nothing was read or changed there."""

    def __init__(self, place: str, reason: str) -> None:
        first = next(iter(reason.strip().splitlines()), "no answer")
        super().__init__(
            f"bigquery: {place}: {first}; mend that, or unset OSO_GATEWAY and OSO_BIGQUERY_DATASET"
        )


class TooManyBytes(OsoError):
    """Queries would read more than was allowed; none was run."""

    exit_code = 2

    def __init__(self, model: str, read: str, of_model: str, allowed: str) -> None:
        super().__init__(
            f"{model}: the queries would read {read}, {of_model} of it here, and {allowed} are allowed;"
            " read less, or raise --max-bytes"
        )


class QueryLeft(OsoError):
    """A reader's query cannot be rewritten whole; its file is as it was."""

    def __init__(self, place: str, count: int) -> None:
        things = "one thing is" if count == 1 else f"{count} things are"
        super().__init__(f"{place}: {things} left to do by hand; nothing was written")
        self.place = place


class QueryUnreadable(OsoError):
    """A reader's query cannot be read; it was not rewritten."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}; mend it, or name its language with --dialect")
        self.place = place
