"""What a reader asks for in its catalogue is what our connectors give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

SOURCE = Path(sys.executable).parent / "source-gharchive"


def read(folder, config, catalogue):
    """Return the exit code of a read and its messages."""
    arguments = []
    for name, content in {"config": config, "catalog": catalogue}.items():
        path = folder / f"{name}.json"
        path.write_bytes(orjson.dumps(content))
        arguments += [f"--{name}", str(path)]
    done = subprocess.run([SOURCE, "read", *arguments], capture_output=True)
    assert done.stderr == b""
    return done.returncode, [orjson.loads(line) for line in done.stdout.splitlines()]


def events(**asked):
    return {"stream": {"name": "events"}, "sync_mode": "full_refresh", **asked}


def kinds(messages):
    """Whether each record of events is a file or a row."""
    records = [each["record"] for each in messages if each["type"] == "RECORD"]
    return {"file" if "file_reference" in each else "row" for each in records}


def test_files_go_only_to_a_reader_that_asks_for_them(tmp_path, sample):
    config = {"folder": str(sample / "gharchive")}

    _, unasked = read(tmp_path, config, {"streams": [events()]})
    _, asked = read(tmp_path, config, {"streams": [events(include_files=True)]})

    assert kinds(unasked) == {"row"}
    assert kinds(asked) == {"file"}


def test_records_are_what_a_reader_gets_that_was_set_so(tmp_path, sample):
    config = {"folder": str(sample / "gharchive"), "mode": "records"}

    _, messages = read(tmp_path, config, {"streams": [events(include_files=True)]})

    assert kinds(messages) == {"row"}


CATALOGUES = {
    "a stream that is not there": (
        {"streams": [{"stream": {"name": "event"}}]},
        "catalog: 'event': is no stream; there are events, hours, gaps, rejects",
    ),
    "no streams": ({}, "catalog: is no configured catalogue; run discover and choose from that"),
    "no object": ([], "catalog: is no configured catalogue; run discover and choose from that"),
}


@pytest.mark.parametrize("what", CATALOGUES)
def test_a_catalogue_that_cannot_be_is_one_clear_line(tmp_path, sample, what):
    catalogue, reason = CATALOGUES[what]

    code, messages = read(tmp_path, {"folder": str(sample / "gharchive")}, catalogue)

    (trace,) = [each["trace"] for each in messages]
    assert code == 1
    assert trace["type"] == "ERROR"
    assert trace["error"] == {"message": reason, "failure_type": "config_error"}
