"""Every error raised on purpose.

Facts are attributes; the class builds the sentence: lower case, no full stop, the
place first (``path: field: problem``), then after a semicolon what still holds or
what to do. The command line shows that sentence and exits with `exit_code`.
"""

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
