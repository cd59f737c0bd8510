"""Every error raised on purpose.

Facts are attributes; the class builds the sentence: lower case, no full stop, the
place first (``path: field: problem``), then after a semicolon what still holds or
what to do. The command line shows that sentence and exits with `exit_code`.
"""

from __future__ import annotations

import difflib


class OsoError(Exception):
    """Something a person can act on; its text is one line."""

    exit_code = 1


class InvalidSetting(OsoError):
    """An environment variable holds a value that cannot be used."""

    exit_code = 2

    def __init__(self, variable: str, value: str, problem: str) -> None:
        super().__init__(f"{variable}: {value!r}: {problem}")
        self.variable = variable
        self.value = value


class NotPermitted(OsoError):
    """The system does not let us read or write a place."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place}: permission denied; open it, or name another place")
        self.place = place


class WarehouseError(OsoError):
    """The warehouse could not be opened, described or built."""


class WarehouseLocked(WarehouseError):
    """Another process has the warehouse open, or it cannot be opened at all."""

    def __init__(self, path: str, reason: str) -> None:
        first = reason.splitlines()[0]
        is_held = "lock" in first
        advice = (
            "end the process that holds it, or wait" if is_held else "see that it may be written"
        )
        super().__init__(f"{path}: cannot be opened: {first}; {advice}")
        self.path = path


class ProjectInvalid(WarehouseError):
    """The project's models or configuration cannot be loaded."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the project cannot be loaded: {problem}")


class OtherCatalog(WarehouseError):
    """The warehouse was built under another name; nothing in it was changed."""

    exit_code = 2

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(
            f"OSO_BIGQUERY_PROJECT: this warehouse was built for {found!r} and not for {wanted!r};"
            " set that, or OSO_HOME to another folder"
        )


class ModelsFailed(WarehouseError):
    """Models could not be built, or their audits failed; what was published stays."""

    exit_code = 3

    def __init__(self, failures: tuple[str, ...]) -> None:
        super().__init__(
            f"{'; '.join(failures)}; nothing was released, the old release is still served"
        )
        self.failures = failures


class UnknownModel(WarehouseError):
    """A processor names a model that production does not have."""

    def __init__(self, processor: str, model: str, models: tuple[str, ...]) -> None:
        close = difflib.get_close_matches(model, models, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "build it first with `sqlmesh plan`"
        super().__init__(f"{processor}: model: {model!r}: there is no such model; {hint}")


class UnknownColumn(WarehouseError):
    """A processor lists a column that its model does not have."""

    def __init__(self, processor: str, model: str, column: str, columns: tuple[str, ...]) -> None:
        close = difflib.get_close_matches(column, columns, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(columns)}"
        super().__init__(f"{processor}: columns: {model} has no column {column!r}; {hint}")


class WithoutGrain(WarehouseError):
    """A model that is to be published does not say what makes a row unique."""

    def __init__(self, processor: str, model: str) -> None:
        super().__init__(f"{processor}: {model} declares no grain; add `grain` to its header")


class CollectionError(OsoError):
    """A source could not be read; what was landed before stays."""


class ConfigFailure(CollectionError):
    """A connector cannot go on until a person changes something."""


class TransientFailure(CollectionError):
    """A connector may succeed when it is run again."""


class ConnectorFailed(CollectionError):
    """A connector stopped; what it had handed over with a state was landed."""

    exit_code = 4

    def __init__(self, source: str, reason: str, is_transient: bool) -> None:
        advice = "run again" if is_transient else "change its settings in sources.yaml"
        super().__init__(f"{source}: {reason}; what came before was landed, {advice}")
        self.source = source
        self.reason = reason
        self.is_transient = is_transient


class LandingFailed(CollectionError):
    """The warehouse refused a batch as a whole; the batch was not landed."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}; what was landed before stays, run again")
        self.source = source


class NoSpaceLeft(CollectionError):
    """The disk is full; the batch at hand was not landed."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place}: no space left on the disk; free some and run again")


class DeclarationInvalid(OsoError):
    """A declaration (`processors/*.yaml`, `sources.yaml`) cannot be used."""

    exit_code = 2

    def __init__(self, path: str, key: str | None, problem: str) -> None:
        super().__init__(": ".join(part for part in (path, key, problem) if part))
        self.path = path
        self.key = key


class ReleaseError(OsoError):
    """A release was not made; the old one is still served."""

    exit_code = 5


class UnmappableType(ReleaseError):
    """A column's type has no counterpart that every store keeps exactly."""

    def __init__(self, table: str, column: str, column_type: str) -> None:
        super().__init__(
            f"{table}: {column}: {column_type} cannot be published exactly;"
            " cast it in the model, floats to NUMERIC(38, 9)"
        )


class GrainNotListed(ReleaseError):
    """An output leaves out a column that makes its rows unique."""

    def __init__(self, table: str, column: str) -> None:
        super().__init__(f"{table}: columns: the grain's {column!r} is not listed; add it")


class NotByDay(ReleaseError):
    """An output is to be published by the days of a column that has none, or is no part of its grain."""

    def __init__(self, table: str, column: str) -> None:
        super().__init__(
            f"{table}: publish.postgres.partition_by: {column!r} is no DATE of the model's grain;"
            " name one that is, or leave it out"
        )


class ReleaseBlocked(ReleaseError):
    """Something that is to be published is not fit for it."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__(f"{'; '.join(reasons)}; the old release is still served")
        self.reasons = reasons


class Mismatch(ReleaseError):
    """What a store reads back is not what the warehouse holds."""

    def __init__(self, store: str, table: str, fact: str, expected: str, found: str) -> None:
        super().__init__(
            f"{store}: {table}: {fact} is {found} and not {expected}; the old release is still served"
        )


class StoreUnusable(ReleaseError):
    """A store cannot be read or written."""

    def __init__(self, store: str, place: str, reason: str, advice: str = "") -> None:
        what_to_do = f", {advice}" if advice else ""
        super().__init__(f"{store}: {place}: {reason}; what was published before stays{what_to_do}")
        self.place, self.reason = place, reason


class ReleaseUnreadable(StoreUnusable):
    """What says which release a store serves, or what is in it, is broken."""

    def __init__(self, store: str, place: str, reason: str) -> None:
        super().__init__(store, place, f"cannot be read: {reason}")


class PostgresUnavailable(ReleaseError):
    """No Postgres can be reached or started."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(
            f"postgres: {place}: {reason.strip()}; mend that, or name a server in OSO_POSTGRES_DSN"
        )


class ReadersInTheWay(ReleaseError):
    """Readers held the views for so long that the new release could not be switched in."""

    def __init__(self, attempts: int) -> None:
        super().__init__(
            f"postgres: readers held the views through {attempts} attempts;"
            " end long transactions and run again, the old release is still served"
        )


class ReleaseNotKept(ReleaseError):
    """A release was asked for that is not kept, or never was."""

    exit_code = 2

    def __init__(self, release: str, kept: tuple[str, ...]) -> None:
        there = f"kept are {', '.join(kept)}" if kept else "none was made yet"
        super().__init__(f"{release}: is no release that is kept; {there}")
        self.release = release


class TableNotReleased(ReleaseError):
    """A table was asked for that a release does not have."""

    exit_code = 2

    def __init__(self, table: str, release: str, known: tuple[str, ...]) -> None:
        close = difflib.get_close_matches(table, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(known))}"
        super().__init__(f"{table}: is no table of {release}; {hint}")
        self.table = table


class ReleaseLocked(ReleaseError):
    """Another release is being made."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"{holder}: another release is being made; wait for it to end")


class OriginKept(CollectionError):
    """A folder's rows would replace what was collected from the real sources."""

    exit_code = 2

    def __init__(self, source: str, origin: str) -> None:
        super().__init__(
            f"{source}: this warehouse holds what sources.yaml collected;"
            f" set OSO_HOME to another folder to take {origin}"
        )


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


class WithoutContract(ReleaseError):
    """A deprecated output is to be served as a view, and nothing says what its readers were promised."""

    def __init__(self, name: str, replacement: str) -> None:
        super().__init__(
            f"contracts/{name}.yaml: is not there, and the view of {name} over {replacement} is made"
            " by it; bring it back from git"
        )


class PromiseBroken(OsoError):
    """A stable output would no longer be what its readers were promised; no contract was written."""

    def __init__(self, count: int) -> None:
        noun = "a promise" if count == 1 else f"{count} promises"
        super().__init__(f"{noun} to readers would be broken; no contract was written")
        self.count = count


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


class ForgettingError(OsoError):
    """Somebody was not forgotten."""


class ActorInvalid(ForgettingError):
    """Who is to be forgotten cannot be read."""

    exit_code = 2

    def __init__(self, actor: str) -> None:
        super().__init__(f"--actor: {actor!r}: write github:LOGIN, github:ID or email:ADDRESS")


class ActorUnknown(ForgettingError):
    """Nothing that was collected tells of who is to be forgotten."""

    exit_code = 2

    def __init__(self, actor: str, since: str = "") -> None:
        told = f"was forgotten on {since}" if since else "see how it is written"
        super().__init__(f"{actor}: nothing that was collected tells of this actor; {told}")


class ActorAmbiguous(ForgettingError):
    """A login was that of several accounts, one after the other."""

    exit_code = 2

    def __init__(self, actor: str, ids: tuple[str, ...]) -> None:
        listed = ", ".join(f"github:{each}" for each in ids)
        super().__init__(f"{actor}: several accounts had this login; name one: {listed}")


class OtherActorKey(ForgettingError):
    """Those who were forgotten would not be recognised, and so come back."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            "OSO_ACTOR_KEY: is not the one by which this warehouse knows who was forgotten;"
            " set it as it was, nothing was changed"
        )
