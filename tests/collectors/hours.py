"""Hours of GH Archive of one event each, as files."""

from __future__ import annotations

import gzip

import orjson

STREAMS = ("events", "hours", "gaps", "rejects")


def event(number):
    return orjson.dumps(
        {"id": str(number), "type": "WatchEvent", "created_at": "2024-05-01T09:00:00Z"}
    )


def packed(*numbers):
    return gzip.compress(b"\n".join(event(number) for number in numbers))
