"""The collector of GH Archive as any Airbyte platform runs it: a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson

from oso_processors.collectors.gharchive import EVENTS, Gharchive
from tests.collectors.hours import STREAMS, packed

BIN = Path(sys.executable).parent


def as_process(tmp_path, verb, **files):
    """Run the connector as any Airbyte platform would; return the exit code and its messages."""
    arguments = []
    for name, content in files.items():
        path = tmp_path / f"{name}.json"
        path.write_bytes(orjson.dumps(content))
        arguments += [f"--{name}", str(path)]
    command = [str(BIN / "source-gharchive"), verb, *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.stderr == b""
    return done.returncode, [orjson.loads(line) for line in done.stdout.splitlines()]


def asked(*names):
    """The catalogue that asks for ``names``."""
    known = {each.name: each.as_catalogue() for each in Gharchive().streams({})}
    return {
        "streams": [
            {
                "stream": known[name],
                "sync_mode": "incremental",
                "destination_sync_mode": "append",
                "include_files": known[name]["is_file_based"],
            }
            for name in names
        ]
    }


def said(message):
    """A message without its time, as its kind and what it says."""
    kind = message["type"]
    body = message[{"CONNECTION_STATUS": "connectionStatus"}.get(kind, kind.lower())]
    body.pop("emitted_at", None)
    return kind, body


def status(stream, word):
    body = {"stream_descriptor": {"name": stream}, "status": word}
    return "TRACE", {"type": "STREAM_STATUS", "stream_status": body}


def test_the_process_tells_its_settings(tmp_path):
    code, (message,) = as_process(tmp_path, "spec")

    assert (code, message["type"]) == (0, "SPEC")
    assert message["spec"]["connectionSpecification"] == Gharchive.spec


def test_the_process_checks_its_settings(tmp_path, archive, config):
    sound = as_process(tmp_path, "check", config=config)
    wrong = as_process(tmp_path, "check", config={**config, "start": "May"})

    assert sound == (
        0,
        [{"type": "CONNECTION_STATUS", "connectionStatus": {"status": "SUCCEEDED"}}],
    )
    text = "config: start: 'May': is no date or hour; write 2025-01-31"
    failed = {"status": "FAILED", "message": text}
    assert wrong == (0, [{"type": "CONNECTION_STATUS", "connectionStatus": failed}])


def test_the_process_tells_its_streams(tmp_path, config):
    code, (message,) = as_process(tmp_path, "discover", config=config)

    assert (code, message["type"]) == (0, "CATALOG")
    assert [each["name"] for each in message["catalog"]["streams"]] == list(STREAMS)
    assert message["catalog"]["streams"][0] == {
        "name": "events",
        "json_schema": EVENTS,
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_cursor": True,
        "default_cursor_field": ["created_at"],
        "source_defined_primary_key": [["id"]],
        "is_file_based": True,
        "is_resumable": True,
    }


def test_the_process_reads_what_its_state_lacks(tmp_path, archive, config):
    name = "2024-05-01-10.json.gz"
    had = {"hours": [["2024-05-01T08:00:00Z", "2024-05-01T09:00:00Z"]]}
    known = [
        {"type": "STREAM", "stream": {"stream_descriptor": {"name": each}, "stream_state": had}}
        for each in ("events", "gaps")
    ]

    code, messages = as_process(
        tmp_path, "read", config=config, catalog=asked("events", "gaps"), state=known
    )

    path = Path(config["cache"]) / name
    size = len(archive.files[f"/{name}"])
    has = {"hours": [["2024-05-01T08:00:00Z", "2024-05-01T10:00:00Z"]]}
    states = [
        (
            "STATE",
            {
                "type": "STREAM",
                "stream": {"stream_descriptor": {"name": each}, "stream_state": has},
                "sourceStats": {"recordCount": count},
            },
        )
        for each, count in (("events", 1.0), ("gaps", 0.0))
    ]
    assert code == 0
    assert [said(each) for each in messages] == [
        status("events", "STARTED"),
        status("gaps", "STARTED"),
        (
            "TRACE",
            {
                "type": "ESTIMATE",
                "estimate": {"name": "hours", "type": "STREAM", "row_estimate": 1},
            },
        ),
        status("events", "RUNNING"),
        (
            "RECORD",
            {
                "stream": "events",
                "data": {"hour": "2024-05-01T10:00:00Z"},
                "file_reference": {
                    "staging_file_url": str(path),
                    "source_file_relative_path": name,
                    "file_size_bytes": size,
                },
            },
        ),
        *states,
        status("events", "COMPLETE"),
        status("gaps", "COMPLETE"),
    ]


def test_the_process_says_what_it_leaves_out(tmp_path):
    folder = tmp_path / "hours"
    folder.mkdir()
    (folder / "2024-05-01-9.json.gz").write_bytes(packed(9))
    (folder / "strange.json.gz").touch()
    config = {"folder": str(folder)}

    code, messages = as_process(tmp_path, "read", config=config, catalog=asked("hours"))

    logs = [each["log"] for each in messages if each["type"] == "LOG"]
    text = f"{config['folder']}: left out, no hours or not these: strange.json.gz"
    assert code == 0
    assert logs == [{"level": "INFO", "message": text}]
