"""The kit that makes a connector of a source: what it says, and how it ends."""

from __future__ import annotations

import errno
import os

import orjson
import pytest

from oso_processors.collectors import source
from oso_processors.collectors.source import (
    TEXT,
    Control,
    Estimate,
    File,
    Log,
    Record,
    State,
    Stream,
    schema,
)
from oso_processors.errors import ConfigFailure, TransientFailure

WORDS = Stream("words", schema(word=TEXT), ("word",))
FILES = Stream("files", schema(word=TEXT), is_file_based=True)
SPEC = {
    "type": "object",
    "additionalProperties": False,
    "required": ["words"],
    "properties": {"words": {"type": "integer"}, "token": {"type": "string"}},
}
ASKED = {"streams": [{"stream": {"name": "words"}}]}


class Made:
    """A source that says what it is told to; an exception among that is raised."""

    name = "made"
    documentation_url = "https://example.org/made"
    spec = SPEC

    def __init__(self, *messages):
        self.messages = messages

    def check(self, config):
        list(self._said())

    def streams(self, config):
        return (WORDS, FILES)

    def read(self, config, streams, state):
        self.given = (config, streams, state)
        yield from self._said()

    def _said(self):
        for each in self.messages:
            if isinstance(each, Exception):
                raise each
            yield each


@pytest.fixture
def run(tmp_path, capfdbinary):
    """Run a source as a connector; return its exit code and messages, without their times."""

    def made(it, verb, **files):
        arguments = []
        for name, content in files.items():
            path = tmp_path / f"{name}.json"
            path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
            arguments += [f"--{name}", str(path)]
        code = source.run(it, [verb, *arguments])
        out, err = capfdbinary.readouterr()
        assert err == b""
        return code, [untimed(orjson.loads(line)) for line in out.splitlines()]

    return made


def untimed(message):
    (body,) = (value for key, value in message.items() if key != "type")
    body.pop("emitted_at", None)
    return message


def trace(kind, **body):
    return {"type": "TRACE", "trace": {"type": kind, **body}}


def status(stream, word):
    body = {"stream_descriptor": {"name": stream}, "status": word}
    return trace("STREAM_STATUS", stream_status=body)


def error(text, kind):
    return trace("ERROR", error={"message": text, "failure_type": kind})


def state(stream, data, count):
    descriptor = {"stream_descriptor": {"name": stream}, "stream_state": data}
    body = {"type": "STREAM", "stream": descriptor, "sourceStats": {"recordCount": count}}
    return {"type": "STATE", "state": body}


def record(word):
    return {"type": "RECORD", "record": {"stream": "words", "data": {"word": word}}}


def test_a_source_tells_what_settings_it_takes(run):
    code, messages = run(Made(), "spec")

    spec = {
        "documentationUrl": "https://example.org/made",
        "connectionSpecification": SPEC,
        "supportsIncremental": True,
        "supported_destination_sync_modes": ["overwrite", "append", "append_dedup"],
    }
    assert (code, messages) == (0, [{"type": "SPEC", "spec": spec}])


def test_every_message_is_said_as_the_protocol_has_it(run, tmp_path):
    content = tmp_path / "content"
    content.write_bytes(b"four")
    both = {
        "streams": [
            {"stream": {"name": name}, "include_files": True} for name in ("words", "files")
        ]
    }
    it = Made(
        Estimate("words", 2),
        State("words", {"at": 0}),
        Record("words", {"word": "one"}),
        Log("WARN", "careful"),
        State("words", {"at": 1}),
        Record("words", {"word": "two"}),
        File("files", content, "a/content", {"word": "three"}),
        State("words", {"at": 2}),
        State("files", {"at": 1}),
        Control({"words": 2, "token": "new"}),
    )

    code, messages = run(it, "read", config={"words": 1}, catalog=both)

    handed = {
        "stream": "files",
        "data": {"word": "three"},
        "file_reference": {
            "staging_file_url": str(content),
            "source_file_relative_path": "a/content",
            "file_size_bytes": 4,
        },
    }
    changed = {
        "type": "CONNECTOR_CONFIG",
        "connectorConfig": {"config": {"words": 2, "token": "new"}},
    }
    assert code == 0
    assert messages == [
        status("words", "STARTED"),
        status("files", "STARTED"),
        trace("ESTIMATE", estimate={"name": "words", "type": "STREAM", "row_estimate": 2}),
        state("words", {"at": 0}, 0),
        status("words", "RUNNING"),
        record("one"),
        {"type": "LOG", "log": {"level": "WARN", "message": "careful"}},
        state("words", {"at": 1}, 1),
        record("two"),
        status("files", "RUNNING"),
        {"type": "RECORD", "record": handed},
        state("words", {"at": 2}, 1),
        state("files", {"at": 1}, 1),
        {"type": "CONTROL", "control": changed},
        status("words", "COMPLETE"),
        status("files", "COMPLETE"),
    ]


def test_only_streams_that_were_chosen_are_told_of(run, tmp_path):
    it = Made(File("files", tmp_path / "absent", "absent"), Record("words", {"word": "one"}))

    _, messages = run(it, "read", config={"words": 1}, catalog=ASKED)

    assert messages == [
        status("words", "STARTED"),
        status("words", "RUNNING"),
        record("one"),
        status("words", "COMPLETE"),
    ]


def test_a_source_is_given_the_states_of_its_streams(run):
    it = Made()
    known = {"stream_descriptor": {"name": "words"}, "stream_state": {"at": 1}}
    empty = {"stream_descriptor": {"name": "files"}, "stream_state": None}
    states = [{"type": "STREAM", "stream": each} for each in (known, empty)]

    run(it, "read", config={"words": 1}, catalog=ASKED, state=states)

    assert it.given == ({"words": 1}, ["words"], {"words": {"at": 1}, "files": {}})


@pytest.mark.parametrize("content", [b"[]", b"{}", b"null"])
def test_an_empty_state_is_no_state(run, content):
    it = Made()

    code, _ = run(it, "read", config={"words": 1}, catalog=ASKED, state=content)

    assert (code, it.given[2]) == (0, {})


FAILURES = {
    "a setting": (ConfigFailure("token: is refused"), "token: is refused", "config_error"),
    "a server that is away": (TransientFailure("it is away"), "it is away", "transient_error"),
    "a file": (PermissionError(errno.EACCES, "Permission denied", "/a"), "/a: Permission denied", "system_error"),
    "a full disk": (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device", "system_error"),
}  # fmt: skip


@pytest.mark.parametrize("what", FAILURES)
def test_a_failure_says_whose_it_is_after_what_came_before(run, what):
    failure, text, kind = FAILURES[what]
    it = Made(Record("words", {"word": "one"}), State("words", {"at": 1}), failure)

    code, messages = run(it, "read", config={"words": 1}, catalog=ASKED)

    assert code == 1
    assert messages == [
        status("words", "STARTED"),
        status("words", "RUNNING"),
        record("one"),
        state("words", {"at": 1}, 1),
        status("words", "INCOMPLETE"),
        error(text, kind),
    ]


def test_a_sound_check_succeeds(run):
    succeeded = {"type": "CONNECTION_STATUS", "connectionStatus": {"status": "SUCCEEDED"}}

    assert run(Made(), "check", config={"words": 1}) == (0, [succeeded])


@pytest.mark.parametrize("what", FAILURES)
def test_a_failed_check_is_an_answer_and_no_error(run, what):
    failure, text, _ = FAILURES[what]

    code, messages = run(Made(failure), "check", config={"words": 1})

    failed = {"status": "FAILED", "message": text}
    assert (code, messages) == (0, [{"type": "CONNECTION_STATUS", "connectionStatus": failed}])


CONFIGS = {
    "a mistyped key": ({"wrds": 1}, "config: wrds: unknown key; did you mean 'words'?"),
    "a strange key": ({"x": 1}, "config: x: unknown key; known are words, token"),
    "another type": ({"words": "one"}, "config: words: 'one' is not of type 'integer'"),
    "a missing key": ({}, "config: 'words' is a required property"),
    "a list": ([1], "config: [1] is not of type 'object'"),
    "a number": (5, "config: 5 is not of type 'object'"),
}


@pytest.mark.parametrize("verb", ["discover", "read"])
@pytest.mark.parametrize("what", CONFIGS)
def test_a_wrong_setting_is_one_clear_line(run, what, verb):
    config, text = CONFIGS[what]
    files = {"config": config, **({"catalog": ASKED} if verb == "read" else {})}

    assert run(Made(), verb, **files) == (1, [error(text, "config_error")])


@pytest.mark.parametrize("what", CONFIGS)
def test_a_check_says_what_setting_is_wrong(run, what):
    config, text = CONFIGS[what]
    failed = {"status": "FAILED", "message": text}

    assert run(Made(), "check", config=config) == (
        0,
        [{"type": "CONNECTION_STATUS", "connectionStatus": failed}],
    )


@pytest.mark.parametrize("which", ["config", "catalog", "state"])
def test_a_file_that_is_no_json_is_one_clear_line(run, tmp_path, which):
    files = {"config": {"words": 1}, "catalog": ASKED, "state": [], which: b"{half"}

    code, (message,) = run(Made(), "read", **files)

    assert (code, message["trace"]["error"]["failure_type"]) == (1, "config_error")
    text = message["trace"]["error"]["message"]
    assert text.startswith(f"{tmp_path / which}.json: cannot be read as JSON: ")
    assert "\n" not in text


@pytest.mark.parametrize("content", [5, ["words"], {"words": 1}, [{"type": "STREAM"}]])
def test_a_state_that_is_none_is_one_clear_line(run, content):
    answer = run(Made(), "read", config={"words": 1}, catalog=ASKED, state=content)

    text = "state: is no list of the states that this connector gave"
    assert answer == (1, [error(text, "config_error")])


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path, capfdbinary):
    code = source.run(Made(), ["check", "--config", str(tmp_path / "absent.json")])

    (line,) = capfdbinary.readouterr().out.splitlines()
    assert code == 1
    assert orjson.loads(line)["trace"]["error"] == {
        "message": f"{tmp_path}/absent.json: cannot be read as JSON: No such file or directory",
        "failure_type": "config_error",
    }


def test_an_unknown_verb_is_a_usage_error(capfdbinary):
    with pytest.raises(SystemExit) as ended:
        source.run(Made(), ["chek"])

    assert ended.value.code == 2
    assert b"invalid choice: 'chek'" in capfdbinary.readouterr().err
