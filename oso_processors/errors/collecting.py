"""What keeps a source from being read or landed."""

from __future__ import annotations

from oso_processors.errors.base import OsoError


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


class OriginKept(CollectionError):
    """A folder's rows would replace what was collected from the real sources."""

    exit_code = 2

    def __init__(self, source: str, origin: str) -> None:
        super().__init__(
            f"{source}: this warehouse holds what sources.yaml collected;"
            f" set OSO_HOME to another folder to take {origin}"
        )
