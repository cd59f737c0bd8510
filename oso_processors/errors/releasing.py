"""What keeps a release from being made, served or read."""

from __future__ import annotations

import difflib

from oso_processors.errors.base import OsoError


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
