"""What people wrote or allowed, and what all errors share."""

from __future__ import annotations


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


class DeclarationInvalid(OsoError):
    """A declaration (`processors/*.yaml`, `sources.yaml`) cannot be used."""

    exit_code = 2

    def __init__(self, path: str, key: str | None, problem: str) -> None:
        super().__init__(": ".join(part for part in (path, key, problem) if part))
        self.path = path
        self.key = key
