"""What keeps the warehouse from being built."""

from __future__ import annotations

import difflib

from oso_processors.errors.base import OsoError


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
