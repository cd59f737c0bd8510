"""What a connector offers, and what it is asked for: catalogues and states, as the protocol has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from oso_processors.collectors.source import Stream


def offered(told: Mapping[str, Any]) -> Stream:
    """Read a stream out of a connector's catalogue."""
    keys = tuple(key[0] for key in told.get("source_defined_primary_key") or [] if len(key) == 1)
    cursor = told.get("default_cursor_field") or []
    return Stream(
        told["name"],
        {**told["json_schema"], "properties": told["json_schema"].get("properties") or {}},
        primary_key=keys,
        cursor_field=cursor[0] if len(cursor) == 1 else None,
        is_file_based=bool(told.get("is_file_based")),
        sync="append" if "incremental" in told.get("supported_sync_modes", []) else "overwrite",
    )


def configured(streams: Sequence[Stream]) -> dict[str, Any]:
    """Return the catalogue that asks a connector for ``streams``."""
    return {
        "streams": [
            {
                "stream": stream.as_catalogue(),
                "sync_mode": "full_refresh" if stream.sync == "overwrite" else "incremental",
                "destination_sync_mode": stream.sync,
                "cursor_field": [stream.cursor_field] if stream.cursor_field else [],
                "primary_key": [[key] for key in stream.primary_key],
                "include_files": stream.is_file_based,
            }
            for stream in streams
        ]
    }


def as_shared(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to store with each stream of a state that covers them all, in either of its forms."""
    return {"all": state.get("global") or state.get("data") or {}}


def as_messages(stored: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the stored states of streams in the form in which the connector gave them."""
    found = {name: orjson.loads(text) for name, text in stored.items()}
    shared = next((each["all"] for each in found.values() if each.keys() == {"all"}), None)
    if shared is not None:
        key = "global" if "stream_states" in shared else "data"
        return [{"type": "GLOBAL" if key == "global" else "LEGACY", key: shared}]
    return [
        {"type": "STREAM", "stream": {"stream_descriptor": {"name": name}, "stream_state": each}}
        for name, each in found.items()
    ]
