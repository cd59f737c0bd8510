"""Keys of a profile in `~/.aws`, which the library of object stores does not read.

What takes more than reading (a login, a role, a program) is AWS's own tool's to do: it gives the keys as
environment variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from configparser import Error, RawConfigParser
from pathlib import Path

from oso_processors.errors import InvalidSetting

VARIABLE = "AWS_PROFILE"
# Each file, where it is unless a variable says otherwise, and how it names a profile.
FILES = (
    ("AWS_CONFIG_FILE", "~/.aws/config", "profile {}"),
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", "{}"),
)
# As the library names them, and the variables that come before what a file says.
KEYS = {
    "access_key_id": "aws_access_key_id",
    "secret_access_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
}
OTHERS = {
    "region": ("region", ("AWS_REGION", "AWS_DEFAULT_REGION")),
    "endpoint": ("endpoint_url", ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")),
}
# Where one of these is set, nobody looks for a profile's keys.
BEFORE = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE")


def options(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the profile says and the environment does not; raise `InvalidSetting`."""
    name = environ.get(VARIABLE) or "default"
    told = _profile(name, environ)
    if told is None:
        if environ.get(VARIABLE):
            raise InvalidSetting(VARIABLE, name, "is no profile in ~/.aws/config or credentials")
        return {}
    found = {
        key: told[source]
        for key, (source, variables) in OTHERS.items()
        if source in told and not any(environ.get(each) for each in variables)
    }
    if any(environ.get(each) for each in BEFORE):
        return found
    keys = {key: told[source] for key, source in KEYS.items() if source in told}
    if "secret_access_key" not in keys and environ.get(VARIABLE):
        tool = f'eval "$(aws configure export-credentials --profile {name} --format env)"'
        raise InvalidSetting(VARIABLE, name, f"has no keys in ~/.aws; log in, and run: {tool}")
    return {**found, **keys}


def _profile(name: str, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Return what both files say of a profile; None where neither knows it."""
    found: dict[str, str] | None = None
    for variable, usual, named in FILES:
        told = _read(Path(environ.get(variable) or usual).expanduser())
        # The one that is used without being asked for has the same name in both.
        section = name if name == "default" else named.format(name)
        if told.has_section(section):
            found = {**(found or {}), **told[section]}
    return found


def _read(path: Path) -> RawConfigParser:
    told = RawConfigParser(strict=False, default_section="")
    try:
        told.read(path)
    except (Error, UnicodeDecodeError) as error:
        raise InvalidSetting(
            VARIABLE, str(path), f"cannot be read: {error}".splitlines()[0]
        ) from error
    return told
