"""Reference of errors: every one that is raised on purpose, with its exit code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from oso_processors import errors

CODES = {
    0: "done, or nothing to do",
    1: "an error that a person can act on; the line says how",
    2: "wrong usage: an option, a setting, a declaration",
    3: "a model could not be built or an audit failed; the old release is still served",
    4: "a source could not be read; what came before was landed",
    5: "a release was not made; the old one is still served",
}


def page() -> str:
    """Return the page."""
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in CODES.items())
    rows = "".join(
        f"| `{each.__name__}` | {each.exit_code} | {_words(each)} |\n" for each in _all()
    )
    return (
        "# Errors\n\nAn error is one line on standard error: the place, the value, and what still holds or"
        " what to do.\n\n## Exit codes\n\n| Code | Meaning |\n|---|---|\n"
        f"{codes}\n## Every error\n\n| Error | Exit code | Meaning |\n|---|---|---|\n{rows}"
    )


def _all() -> Iterator[type[errors.OsoError]]:
    for each in vars(errors).values():
        if inspect.isclass(each) and issubclass(each, errors.OsoError):
            yield each


def _words(error: type[errors.OsoError]) -> str:
    return " ".join((error.__doc__ or "").split())
