"""Reading a line quickly gives the careful reader's row, or leaves the line to it."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oso_processors.collectors.misfits import misfits
from oso_processors.collectors.quick import quick_reader
from oso_processors.collectors.schema import slimmer
from oso_processors.collectors.source import BOOLEAN, INTEGER, TEXT, TIMESTAMP, schema

ITEM = {
    "type": "object",
    "properties": {"sha": TEXT, "mail": {**TEXT, "x-path": "by.mail", "x-sha256": True}},
}
SCHEMA = schema(
    id=TEXT,
    made_at=TIMESTAMP,
    number={**INTEGER, "x-path": "in.number"},
    is_new={**BOOLEAN, "x-path": "in.is new"},
    user={**TEXT, "x-path": "in.by.user"},
    share={"type": ["null", "number"]},
    anything={"type": "object"},
    parts={"type": ["null", "array"], "items": ITEM},
    words={"type": ["null", "array"], "items": {"type": "string"}},
)
SOUND = {
    "id": "7",
    "made_at": "2024-05-01T09:00:00Z",
    "in": {"number": 3, "is new": True, "by": {"user": "zoë", "more": 1}, "other": [1]},
    "share": 0.5,
    "anything": {"a": [1]},
    "parts": [{"sha": "a", "by": {"mail": " Zoe@Example.org "}}, None, {}],
    "words": ["a", None],
    "wide": {"much": "more"},
}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.just("2024-02-31T00:00:00Z"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["by", "mail", "sha", "number", "user"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
PLACES = st.sampled_from(
    [(key,) for key in SOUND] + [("in", key) for key in SOUND["in"]] + [("in", "by", "user")]
)
quick = quick_reader(SCHEMA)
slim, misfit = slimmer(SCHEMA), misfits(SCHEMA)


def test_a_sound_line_is_read_at_once():
    assert quick(orjson.dumps(SOUND)) == slim(SOUND)


@given(PLACES, VALUES)
def test_a_line_with_any_value_anywhere_is_read_alike_or_left(place, value):
    line = orjson.loads(orjson.dumps(SOUND))
    *parents, last = place
    found = line
    for part in parents:
        found = found[part]
    found[last] = value

    # A sum of money or an id may have more digits than orjson writes.
    row = quick(json.dumps(line).encode())

    assert row is None or (row == slim(line) and misfit(row) is None)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{",
        b'{"id": 7}',
        b'{"in": {"number": "7"}}',
        b'{"made_at": "2024-02-31T00:00:00Z"}',
        b'{"wide": "\xff"}',
        b'{"wide": "\\ud83d"}',
        b'{"wide": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_a_line_in_doubt_is_left(line):
    assert quick(line) is None
