"""Check a connector's configuration against its spec, with one clear line for what is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError, best_match

from oso_processors.errors import ConfigFailure


def check_config(spec: Mapping[str, Any], config: Any) -> None:
    """Raise `ConfigFailure` when ``config`` is not as ``spec`` says."""
    keys = config if isinstance(config, Mapping) else ()
    unknown = [key for key in keys if key not in spec["properties"]]
    if unknown:
        close = difflib.get_close_matches(unknown[0], spec["properties"], n=1)
        hint = (
            f"did you mean {close[0]!r}?" if close else f"known are {', '.join(spec['properties'])}"
        )
        raise ConfigFailure(f"config: {unknown[0]}: unknown key; {hint}")
    error: ValidationError | None = best_match(Draft7Validator(spec).iter_errors(config))
    if error is not None:
        place = ".".join(str(part) for part in error.absolute_path)
        raise ConfigFailure(": ".join(part for part in ("config", place, error.message) if part))
