"""The part of the Airbyte protocol that we speak, as JSON lines.

Messages are built as bytes, since a bulk source writes hundreds of thousands of them.
Source: https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol (version 0).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

import orjson

StreamStatus = Literal["STARTED", "RUNNING", "COMPLETE", "INCOMPLETE"]
FailureType = Literal["config_error", "transient_error", "system_error"]


def message(kind: str, body: Mapping[str, Any]) -> bytes:
    """Return one line of the protocol."""
    key = {"CONNECTION_STATUS": "connectionStatus"}.get(kind, kind.lower())
    return orjson.dumps({"type": kind, key: body}) + b"\n"


def record_head(stream: str) -> bytes:
    """Return how our own records of ``stream`` begin; the data follows."""
    return b'{"type":"RECORD","record":{"stream":' + orjson.dumps(stream) + b',"data":'


def record_tail() -> bytes:
    """Return how our own records end."""
    return b',"emitted_at":%d}}\n' % _now()


def record(stream: str, data: Mapping[str, Any]) -> bytes:
    """Return a RECORD."""
    return record_head(stream) + orjson.dumps(data) + record_tail()


def file_record(
    stream: str, data: Mapping[str, Any], path: str, relative_path: str, size: int
) -> bytes:
    """Return a RECORD that hands over a file by reference."""
    reference = {
        "staging_file_url": path,
        "source_file_relative_path": relative_path,
        "file_size_bytes": size,
    }
    body = {"stream": stream, "data": data, "emitted_at": _now(), "file_reference": reference}
    return message("RECORD", body)


def state(stream: str, data: Mapping[str, Any], record_count: int) -> bytes:
    """Return a STATE of one stream, which covers all that came before it."""
    descriptor = {"stream_descriptor": {"name": stream}, "stream_state": data}
    stats = {"recordCount": float(record_count)}
    return message("STATE", {"type": "STREAM", "stream": descriptor, "sourceStats": stats})


def log(level: str, text: str) -> bytes:
    """Return a LOG."""
    return message("LOG", {"level": level, "message": text})


def stream_status(stream: str, status: StreamStatus) -> bytes:
    """Return a TRACE of how far a stream is."""
    body = {"stream_descriptor": {"name": stream}, "status": status}
    return _trace("STREAM_STATUS", "stream_status", body)


def estimate(stream: str, rows: int) -> bytes:
    """Return a TRACE of how many rows a stream will have."""
    return _trace("ESTIMATE", "estimate", {"name": stream, "type": "STREAM", "row_estimate": rows})


def error(text: str, failure_type: FailureType) -> bytes:
    """Return a TRACE of why a connector stopped."""
    return _trace("ERROR", "error", {"message": text, "failure_type": failure_type})


def control(config: Mapping[str, Any]) -> bytes:
    """Return a CONTROL that hands the platform a changed configuration."""
    body = {"type": "CONNECTOR_CONFIG", "emitted_at": _now(), "connectorConfig": {"config": config}}
    return message("CONTROL", body)


def _trace(kind: str, key: str, body: Mapping[str, Any]) -> bytes:
    return message("TRACE", {"type": kind, "emitted_at": _now(), key: body})


def _now() -> int:
    return int(time.time() * 1000)
